"""What the messages of the gateway ask of an operator: an alarm until they are acknowledged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drivers.xcom.addresses import GATEWAY, Family, family_of_address, range_of
from drivers.xcom.message_types import MessageClass
from drivers.xcom.messages import Message

CLASSES = (
    MessageClass.INFORMATION,
    MessageClass.UNKNOWN,
    MessageClass.WARNING,
    MessageClass.ERROR,
    MessageClass.HALTED,
)
"""From the mildest to the gravest."""


@dataclass(frozen=True, slots=True)
class AlarmState:
    """Gravest class since the last acknowledgement (0: none, else from 1), and counts by class.

    `missed` counts reads of messages that failed.
    """

    gravest: int
    counts: Mapping[MessageClass, int]
    missed: int


class MessageAlarm:
    """Counts new messages by class, and keeps the gravest since the last acknowledgement.

    The messages that the gateway holds when the IOC starts are history and not counted.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(CLASSES, 0)
        self.missed = 0
        self._gravest: MessageClass | None = None
        self._started = False

    def take(self, new: Sequence[Message]) -> None:
        """Take in the messages of one read."""
        if not self._started:
            self._started = True
            return
        for message in new:
            found = message.message_class
            self._counts[found] += 1
            if self._gravest is None or CLASSES.index(found) > CLASSES.index(self._gravest):
                self._gravest = found

    @property
    def state(self) -> AlarmState:
        place = 0 if self._gravest is None else 1 + CLASSES.index(self._gravest)
        return AlarmState(place, dict(self._counts), self.missed)

    def acknowledge(self) -> None:
        """The operator has seen them."""
        self._gravest = None


def source_name(address: int) -> str:
    """Where a message comes from, as its level in PV names: XT1, Bat, Gateway."""
    family = family_of_address(address)
    if address == GATEWAY:
        return "Gateway"
    if family is Family.BATTERY:
        return "Bat"
    if family is None or address not in range_of(family).addresses:
        return f"address {address}"
    return f"{family.value}{range_of(family).index(address)}"
