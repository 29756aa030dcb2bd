"""Registers of the CVM-96 and their meaning, both ways (cvm96-protocol.md 1 to 3).

A value is a 32-bit integer in two registers, high word first. 44 quantities are there three times:
as they are, their maxima and their minima. The driver only ever reads: it has no function that
writes, since no relay or register that may be written is documented (cvm96-protocol.md 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

IMAGE_SIZE = 0x60
"""Registers from the start of one image to that of the next."""

MAP_SIZE = 3 * IMAGE_SIZE
FRAME_LIMIT = 40
"""Registers that a CVM-NRG96 puts in one frame (cvm96-protocol.md 1)."""

DEFAULT_ADDRESS = 1
DEFAULT_TCP_PORT = 502
DEFAULT_BAUD = 9600
READ_HOLDING = 3
READ_INPUT = 4

_WORDS = 2
_SIGN = 1 << 31
_RANGE = 1 << 32


class Image(IntEnum):
    """Which of the three images of the quantities; the number is the address of its first one."""

    INSTANTANEOUS = 0x00
    MAXIMUM = IMAGE_SIZE
    MINIMUM = 2 * IMAGE_SIZE


class DemandMode(StrEnum):
    """What the meter integrates as maximum demand.

    It is set at the keypad and cannot be read over the wire (cvm96-protocol.md 2).
    """

    W = "W"
    VA = "VA"
    A = "A"
    A_PER_PHASE = "A_per_phase"

    @property
    def unit(self) -> str:
        return "A" if self is DemandMode.A_PER_PHASE else self.value

    @property
    def counts(self) -> int:
        """Counts of the register in one unit: currents are in mA."""
        return 1000 if self.unit == "A" else 1


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity of an image: where it is, and `counts` of the register in one `unit`."""

    name: str
    offset: int
    unit: str
    counts: int
    signed: bool = False

    @property
    def energy(self) -> bool:
        """True for the counters of energy."""
        return self.unit.endswith("h")


# fmt: off
QUANTITIES: tuple[Quantity, ...] = (
    Quantity("l1_voltage", 0x00, "V", 10),
    Quantity("l1_current", 0x02, "A", 1000),
    Quantity("l1_active_power", 0x04, "W", 1, signed=True),
    Quantity("l1_reactive_power", 0x06, "var", 1, signed=True),
    Quantity("l1_power_factor", 0x08, "", 100, signed=True),
    Quantity("l2_voltage", 0x0A, "V", 10),
    Quantity("l2_current", 0x0C, "A", 1000),
    Quantity("l2_active_power", 0x0E, "W", 1, signed=True),
    Quantity("l2_reactive_power", 0x10, "var", 1, signed=True),
    Quantity("l2_power_factor", 0x12, "", 100, signed=True),
    Quantity("l3_voltage", 0x14, "V", 10),
    Quantity("l3_current", 0x16, "A", 1000),
    Quantity("l3_active_power", 0x18, "W", 1, signed=True),
    Quantity("l3_reactive_power", 0x1A, "var", 1, signed=True),
    Quantity("l3_power_factor", 0x1C, "", 100, signed=True),
    Quantity("total_active_power", 0x1E, "W", 1, signed=True),
    Quantity("total_inductive_power", 0x20, "var", 1, signed=True),
    Quantity("total_capacitive_power", 0x22, "var", 1, signed=True),
    Quantity("total_cos_phi", 0x24, "", 100, signed=True),
    Quantity("total_power_factor", 0x26, "", 100, signed=True),
    Quantity("frequency", 0x28, "Hz", 10),
    Quantity("l1_l2_voltage", 0x2A, "V", 10),
    Quantity("l2_l3_voltage", 0x2C, "V", 10),
    Quantity("l3_l1_voltage", 0x2E, "V", 10),
    Quantity("l1_voltage_thd", 0x30, "%", 10),
    Quantity("l2_voltage_thd", 0x32, "%", 10),
    Quantity("l3_voltage_thd", 0x34, "%", 10),
    Quantity("l1_current_thd", 0x36, "%", 10),
    Quantity("l2_current_thd", 0x38, "%", 10),
    Quantity("l3_current_thd", 0x3A, "%", 10),
    Quantity("active_energy", 0x3C, "Wh", 1),
    Quantity("inductive_energy", 0x3E, "varh", 1),
    Quantity("capacitive_energy", 0x40, "varh", 1),
    Quantity("total_apparent_power", 0x42, "VA", 1),
    Quantity("maximum_demand", 0x44, "W", 1),
    Quantity("average_current", 0x46, "A", 1000),
    Quantity("neutral_current", 0x48, "A", 1000),
    # 0x4A to 0x51 are not in the meter's list: never read (cvm96-protocol.md 3)
    Quantity("maximum_demand_l2", 0x52, "A", 1000),
    Quantity("maximum_demand_l3", 0x54, "A", 1000),
    Quantity("apparent_energy", 0x56, "VAh", 1),
    Quantity("active_energy_generated", 0x58, "Wh", 1),
    Quantity("inductive_energy_generated", 0x5A, "varh", 1),
    Quantity("capacitive_energy_generated", 0x5C, "varh", 1),
    Quantity("apparent_energy_generated", 0x5E, "VAh", 1),
)
# fmt: on

BY_NAME = {quantity.name: quantity for quantity in QUANTITIES}
ENERGIES = tuple(each for each in QUANTITIES if each.energy)
PHASE_DEMANDS = (BY_NAME["maximum_demand_l2"], BY_NAME["maximum_demand_l3"])
"""Only filled if the meter integrates the demand of each phase."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value as it was on the wire: which quantity of which image, and its count."""

    quantity: Quantity
    image: Image
    count: int

    @property
    def number(self) -> float:
        """The value in the quantity's unit (the demand as in `DemandMode.W`)."""
        return self.count / self.quantity.counts


def is_documented(address: int) -> bool:
    """Whether a register belongs to a quantity; the others must not be read."""
    return 0 <= address < MAP_SIZE and address % IMAGE_SIZE in _DOCUMENTED


_DOCUMENTED = frozenset(each.offset + word for each in QUANTITIES for word in range(_WORDS))


def decode(start: int, registers: Sequence[int]) -> tuple[Value, ...]:
    """The values that a block holds completely, in rising order of address. Never raises."""
    found: list[Value] = []
    for image in Image:
        for quantity in QUANTITIES:
            at = image + quantity.offset - start
            if at >= 0 and at + _WORDS <= len(registers):
                found.append(Value(quantity, image, _count(quantity, registers[at : at + _WORDS])))
    return tuple(found)


def encode(values: Iterable[Value]) -> tuple[int, ...]:
    """The whole map of 0x120 registers with these values in it, the others 0. For simulators.

    Counts beyond what a register pair holds stop at its end.
    """
    registers = [0] * MAP_SIZE
    for value in values:
        low, high = (-_SIGN, _SIGN - 1) if value.quantity.signed else (0, _RANGE - 1)
        word = min(max(value.count, low), high) % _RANGE
        at = value.image + value.quantity.offset
        registers[at : at + _WORDS] = divmod(word, 1 << 16)
    return tuple(registers)


def _count(quantity: Quantity, words: Sequence[int]) -> int:
    count = words[0] << 16 | words[1]
    return count - _RANGE if quantity.signed and count & _SIGN else count
