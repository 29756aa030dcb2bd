"""Answer Modbus requests from an instrument's registers (server side, functions 01 to 06, 16)."""

from __future__ import annotations

from collections.abc import Sequence

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
_WRITES = (5, 6, 15, 16)
_COIL_ON = 0xFF00


class Refusal(Exception):
    """The instrument answers with this Modbus exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ModbusDevice:
    """What a unit holds. A function that an instrument does not have stays refused (code 01)."""

    bad_count = ILLEGAL_VALUE
    """The exception code for a count that no Modbus frame can hold."""

    def read_coils(self, start: int, count: int) -> Sequence[bool]:
        """Function 01."""
        raise Refusal(ILLEGAL_FUNCTION)

    def read_discrete(self, start: int, count: int) -> Sequence[bool]:
        """Function 02."""
        raise Refusal(ILLEGAL_FUNCTION)

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        """Function 03."""
        raise Refusal(ILLEGAL_FUNCTION)

    def read_input(self, start: int, count: int) -> Sequence[int]:
        """Function 04."""
        raise Refusal(ILLEGAL_FUNCTION)

    def write_coil(self, address: int, on: bool) -> None:
        """Function 05."""
        raise Refusal(ILLEGAL_FUNCTION)

    def write_register(self, address: int, value: int) -> None:
        """Function 06."""
        raise Refusal(ILLEGAL_FUNCTION)

    def write_registers(self, start: int, values: Sequence[int]) -> None:
        """Function 16."""
        raise Refusal(ILLEGAL_FUNCTION)


def is_write(pdu: bytes) -> bool:
    """True for requests that change something, and for their answers."""
    return pdu[0] & 0x7F in _WRITES


def acknowledgement(pdu: bytes) -> bytes:
    """The answer to a write that was obeyed, whether it was or not."""
    return pdu if pdu[0] in (5, 6) else pdu[:5]


def clipped(pdu: bytes, highest: int) -> bytes:
    """A write of registers in which none is above a number."""
    first = {6: 3, 16: 6}.get(pdu[0], len(pdu))
    words = (pdu[at : at + 2] for at in range(first, len(pdu), 2))
    lower = (min(int.from_bytes(word, "big"), highest).to_bytes(2, "big") for word in words)
    return pdu[:first] + b"".join(lower)


def exception_answer(pdu: bytes, code: int) -> bytes:
    """The exception answer to a request."""
    return bytes([pdu[0] | 0x80, code])


def answer(device: ModbusDevice, pdu: bytes) -> bytes:
    """Let the device obey a request PDU; returns the answer PDU. Never raises."""
    try:
        if pdu[0] in (1, 2, 3, 4, 5, 6) and len(pdu) != 5:
            raise Refusal(ILLEGAL_VALUE)
        first = int.from_bytes(pdu[1:3], "big")
        second = int.from_bytes(pdu[3:5], "big")
        if pdu[0] in (1, 2):
            return _bits(device, pdu[0], first, second)
        if pdu[0] in (3, 4):
            return _registers(device, pdu[0], first, second)
        if pdu[0] == 5:
            if second not in (0, _COIL_ON):
                raise Refusal(ILLEGAL_VALUE)
            device.write_coil(first, second == _COIL_ON)
            return pdu
        if pdu[0] == 6:
            device.write_register(first, second)
            return pdu
        if pdu[0] == 16:
            return _write_many(device, pdu, first, second)
        raise Refusal(ILLEGAL_FUNCTION)
    except Refusal as refusal:
        return exception_answer(pdu, refusal.code)


def _bits(device: ModbusDevice, function: int, start: int, count: int) -> bytes:
    if not 1 <= count <= 2000:
        raise Refusal(device.bad_count)
    read = device.read_coils if function == 1 else device.read_discrete
    packed = sum(1 << place for place, on in enumerate(read(start, count)) if on)
    size = (count + 7) // 8
    return bytes([function, size]) + packed.to_bytes(size, "little")


def _registers(device: ModbusDevice, function: int, start: int, count: int) -> bytes:
    if not 1 <= count <= 125:
        raise Refusal(device.bad_count)
    read = device.read_holding if function == 3 else device.read_input
    values = read(start, count)
    return bytes([function, 2 * count]) + b"".join(value.to_bytes(2, "big") for value in values)


def _write_many(device: ModbusDevice, pdu: bytes, start: int, count: int) -> bytes:
    data = pdu[6:]
    if len(pdu) < 6 or not 1 <= count <= 123 or pdu[5] != 2 * count or len(data) != 2 * count:
        raise Refusal(ILLEGAL_VALUE)
    values = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
    device.write_registers(start, values)
    return pdu[:5]


def other_answer(pdu: bytes, right: bytes) -> bytes:
    """An answer to another request than `pdu`, made from its right answer."""
    if right[0] & 0x80:
        return right
    if is_write(pdu):
        return bytes([right[0], right[1] ^ 0x01]) + right[2:]
    if right[1] > 2:
        return bytes([right[0], right[1] - 2]) + right[2:-2]
    return bytes([right[0], right[1] + 2]) + right[2:] + bytes(2)
