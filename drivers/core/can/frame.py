"""A CAN frame, and how long it is on the wire."""

from __future__ import annotations

from dataclasses import dataclass

_POLYNOMIAL = 0x4599
_STUFF_AFTER = 5
_TAIL_BITS = 10 + 3


@dataclass(frozen=True, slots=True)
class CanFrame:
    """A standard data frame (CAN 2.0A): an 11-bit identifier and up to 8 bytes."""

    identifier: int
    data: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.identifier <= 0x7FF:
            raise ValueError(f"identifier 0x{self.identifier:X} does not fit in 11 bits")
        if len(self.data) > 8:
            raise ValueError(f"{len(self.data)} data bytes; a CAN frame has at most 8")

    def __str__(self) -> str:
        return f"{self.identifier:03X} [{self.data.hex(' ').upper()}]"


def wire_bits(frame: CanFrame) -> int:
    """Bits the frame takes on the wire: stuffing, CRC, end of frame and interframe space counted.

    CAN 2.0A: from start of frame to the end of the CRC a bit of the other kind follows five equal
    ones; then CRC delimiter, acknowledge, end of frame (10 bits) and 3 bits of interframe space.
    """
    # start of frame, identifier, RTR, IDE and r0 (all 0), data length, data, CRC
    head = (frame.identifier << 7) | len(frame.data)
    length = 19 + 8 * len(frame.data)
    bits = (head << 8 * len(frame.data)) | int.from_bytes(frame.data, "big")
    bits, length = (bits << 15) | _crc15(bits, length), length + 15
    return length + _stuff_bits(bits, length) + _TAIL_BITS


def _crc15(bits: int, length: int) -> int:
    register = 0
    for place in range(length - 1, -1, -1):
        feed = (bits >> place & 1) ^ (register >> 14)
        register = (register << 1) & 0x7FFF
        if feed:
            register ^= _POLYNOMIAL
    return register


def _stuff_bits(bits: int, length: int) -> int:
    stuffed = run = 0
    last = -1
    for place in range(length - 1, -1, -1):
        bit = bits >> place & 1
        run = run + 1 if bit == last else 1
        last = bit
        if run == _STUFF_AFTER:
            stuffed += 1
            last, run = 1 - bit, 1
    return stuffed
