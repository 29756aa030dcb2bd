"""Bit words as PVs: the word, and one bi per bit with the severity that the bit has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from drivers.iseg.words import Bit, Weight
from iocs.device.declare import binary
from iocs.device.declared import Family
from iocs.device.scan import Block
from iocs.record.alarm import Severity

R = TypeVar("R")

_SEVERITY = {Weight.FAULT: Severity.MAJOR, Weight.WARNING: Severity.MINOR}
_STATES = {Weight.NORMAL: ("No", "Yes"), Weight.GOOD: ("Not good", "Good")}
_ALARMING = ("OK", "Active")


def bit_family(
    block: Block[R],
    word_name: str,
    word: Callable[[R], int | None],
    bits: tuple[Bit, ...],
    lead: str = "",
) -> Family:
    """One bi per bit, named ``<word_name>:<Name>``.

    Faults are MAJOR and warnings MINOR when set; what shows that all is well is MAJOR when not.
    ``lead`` stands in front of each description: what an alarm list shows tells a latched event
    from the status with the same name.
    """

    def getter(number: int) -> Callable[[R], bool | None]:
        def get(reading: R) -> bool | None:
            value = word(reading)
            return None if value is None else bool(value >> number & 1)

        return get

    return Family(
        {
            bit.name.lower(): binary(
                block,
                f"{word_name}:{bit.name}",
                getter(bit.number),
                doc=_sentence(f"{lead}{bit.text}"),
                states=_STATES.get(bit.weight, _ALARMING),
                severity=_SEVERITY.get(bit.weight, Severity.NO_ALARM),
                zero_severity=(Severity.MAJOR if bit.weight is Weight.GOOD else Severity.NO_ALARM),
                guidance=bit.guidance,
            )
            for bit in bits
        }
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"
