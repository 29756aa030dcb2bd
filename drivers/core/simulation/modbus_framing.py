"""Modbus frames as a server sees them: split a byte stream into requests, wrap answers.

Written apart from the drivers' side on purpose: a mistake in the framing shows up as soon as the
two talk. Sources: Modbus Messaging on TCP/IP, section 3.1; Modbus over Serial Line, section 2.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

_FIXED_REQUESTS = (1, 2, 3, 4, 5, 6)
_COUNTED_REQUESTS = (15, 16)
_MAX_RTU = 256


@dataclass(frozen=True, slots=True)
class ModbusFrame:
    """A request or its answer: the unit, the PDU, and the transaction id (0 on RTU)."""

    unit: int
    pdu: bytes
    transaction: int = 0


class Framing(Protocol):
    """How requests are found in a stream, and answers are wrapped for it."""

    @property
    def noise(self) -> int:
        """Bytes since the last request that were of none."""
        ...

    def feed(self, data: bytes) -> list[ModbusFrame]:
        """Take received bytes; returns the requests that are complete now."""
        ...

    def silence(self) -> list[ModbusFrame]:
        """The line was quiet for a frame gap: whatever waits is a whole frame or garbage."""
        ...

    def wrap(self, unit: int, pdu: bytes, transaction: int) -> bytes:
        """The frame that carries an answer."""
        ...


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus; its low byte goes out first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_OF_BYTE[(crc ^ byte) & 0xFF]
    return crc


def _crc_of_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_CRC_OF_BYTE = tuple(map(_crc_of_byte, range(256)))


class MbapFraming:
    """Modbus TCP: a length in the header tells where a frame ends."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.noise = 0

    def feed(self, data: bytes) -> list[ModbusFrame]:
        """Take bytes; a header that cannot be one empties the buffer."""
        self._buffer += data
        found: list[ModbusFrame] = []
        while len(self._buffer) >= 7:
            protocol = int.from_bytes(self._buffer[2:4], "big")
            length = int.from_bytes(self._buffer[4:6], "big")
            if protocol != 0 or not 2 <= length <= 254:
                self.noise += len(self._buffer)
                self._buffer.clear()
                break
            end = 6 + length
            if len(self._buffer) < end:
                break
            frame = bytes(self._buffer[:end])
            del self._buffer[:end]
            self.noise = 0
            found.append(ModbusFrame(frame[6], frame[7:], int.from_bytes(frame[:2], "big")))
        return found

    def silence(self) -> list[ModbusFrame]:
        """Silence means nothing on a stream with lengths."""
        return []

    def wrap(self, unit: int, pdu: bytes, transaction: int) -> bytes:
        """The frame with its MBAP header."""
        header = transaction.to_bytes(2, "big") + bytes(2) + (len(pdu) + 1).to_bytes(2, "big")
        return header + bytes([unit]) + pdu


class RtuFraming:
    """Modbus RTU: frames end by silence; known functions are answered as soon as they are whole."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._garbage = False
        self.noise = 0

    def feed(self, data: bytes) -> list[ModbusFrame]:
        """Take bytes; after garbage nothing is found until the line was silent."""
        self._buffer += data
        self.noise += max(0, len(self._buffer) - _MAX_RTU - 1)
        del self._buffer[_MAX_RTU + 1 :]
        found: list[ModbusFrame] = []
        while not self._garbage and (end := self._expected_end()) and len(self._buffer) >= end:
            frame = bytes(self._buffer[:end])
            if not _crc_fits(frame):
                self._garbage = True
                break
            del self._buffer[:end]
            self.noise = 0
            found.append(ModbusFrame(frame[0], frame[1:-2]))
        return found

    def silence(self) -> list[ModbusFrame]:
        """Take the buffer as one frame if its CRC fits, else drop it."""
        frame = bytes(self._buffer)
        self._buffer.clear()
        self._garbage = False
        if 4 <= len(frame) <= _MAX_RTU and _crc_fits(frame):
            self.noise = 0
            return [ModbusFrame(frame[0], frame[1:-2])]
        self.noise += len(frame)
        return []

    def wrap(self, unit: int, pdu: bytes, transaction: int) -> bytes:
        """The frame with its CRC; RTU has no transaction ids."""
        del transaction
        body = bytes([unit]) + pdu
        return body + crc16(body).to_bytes(2, "little")

    def _expected_end(self) -> int:
        if len(self._buffer) < 2:
            return 0
        if self._buffer[1] in _FIXED_REQUESTS:
            return 8
        if self._buffer[1] in _COUNTED_REQUESTS and len(self._buffer) >= 7:
            return 9 + self._buffer[6]
        return 0


def _crc_fits(frame: bytes) -> bool:
    return crc16(frame[:-2]) == int.from_bytes(frame[-2:], "little")
