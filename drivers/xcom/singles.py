"""Values read one by one, which every gateway can; silent devices are left out in time."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import BadReply, NoReply, Refused
from .conversation import Conversation, Target
from .frame import DecodeError
from .health import DeviceHealth, device_name
from .protocol import ErrorCode, Format, Property, Value, decode_value
from .readings import Point

NOT_THERE = (
    ErrorCode.OBJECT_ID_NOT_FOUND,
    ErrorCode.PROPERTY_NOT_SUPPORTED,
    ErrorCode.INVALID_DATA,
    ErrorCode.OBJECT_NOT_SUPPORTED,
    ErrorCode.ACCESS_DENIED,
)
"""Why a device does not give one value, while it gives others (xcom-protocol.md 7)."""

_USER_LEVEL = 5012


class Singles:
    """Reads values of any devices, one exchange each.

    What a device does not have is remembered until the link is opened again.
    """

    def __init__(self, conversation: Conversation, health: DeviceHealth) -> None:
        self.conversation = conversation
        self.health = health
        self._missing: set[tuple[int, int]] = set()
        self._opens = 0

    def lacks(self, point: Point) -> bool:
        """True if the device is known not to have this datapoint."""
        return point.key in self._missing_now()

    def note_missing(self, point: Point) -> None:
        """Remember that the device does not have this datapoint."""
        self._missing_now().add(point.key)

    def _missing_now(self) -> set[tuple[int, int]]:
        """What is missing on this connection: another may lead to other devices."""
        if self._opens != self.conversation.link.opens:
            self._opens = self.conversation.link.opens
            self._missing.clear()
        return self._missing

    async def read_all(self, points: Sequence[Point]) -> tuple[Value | None, ...]:
        """The values of some points, None for what cannot be had.

        Raises `LinkDown`, and `NoReply` or `BadReply` if no device gives a good answer at all.
        """
        values: list[Value | None] = []
        left_out: set[int] = set()
        answered = False
        failure: NoReply | BadReply | None = None
        for point in points:
            value = None
            if not self.lacks(point) and point.address not in left_out:
                try:
                    value = await self.read_one(point)
                    answered = True
                except NoReply as error:
                    failure = error
                    left_out.add(point.address)
                except BadReply as error:
                    failure = error
                except Refused as error:
                    answered = True
                    if error.code not in NOT_THERE:
                        raise
            values.append(value)
        if failure is not None and not answered:
            raise failure
        return tuple(values)

    async def read_one(
        self,
        point: Point,
        which: Property | None = None,
        *,
        urgent: bool = False,
        once: bool = False,
    ) -> Value:
        """One value, or a property of it such as its minimum; `urgent` for an operator.

        A device that did not answer before, or all if `once`, is asked once only.

        Raises `LinkDown`, `NoReply` (also while a silent device is left alone), `BadReply`,
        `Refused`.
        """
        datapoint = point.datapoint
        target = Target(
            point.address,
            datapoint.object_type,
            datapoint.number,
            datapoint.value_property if which is None else which,
            f"read {_words(which)}{datapoint.asked}",
        )
        wait = self.health.wait(point.address)
        if wait > 0.0 and not urgent:
            failures = self.health.failures(point.address)
            detail = f"silent for {failures} requests; next probe in {wait:.1f} s"
            raise self._error(NoReply, target, detail)
        data = await self._asked(point, target, urgent, once)
        if datapoint.number == _USER_LEVEL and len(data) == Format.SHORT_ENUM.size:
            data += bytes(2)  # some firmware sends it as a word (xcom-protocol.md 17, V5)
        try:
            return decode_value(_layout(point, target), data)
        except DecodeError as error:
            raise self._error(BadReply, target, str(error)) from error

    async def _asked(self, point: Point, target: Target, urgent: bool, once: bool) -> bytes:
        once = once or self.health.suspect(point.address)
        try:
            data = await self.conversation.read(
                target, reply=_layout(point, target).size, urgent=urgent, once=once
            )
        except NoReply:
            self.health.failed(point.address)
            raise
        except Refused as error:
            self.health.answered(point.address)
            if error.code in NOT_THERE and target.property_id == point.datapoint.value_property:
                self.note_missing(point)
            raise
        self.health.answered(point.address)
        return data

    def _error(
        self, kind: type[NoReply] | type[BadReply], target: Target, detail: str
    ) -> NoReply | BadReply:
        name = device_name(target.address)
        return kind(self.conversation.link.name, name, target.asked, detail)


def _layout(point: Point, target: Target) -> Format:
    """How the reply is laid out: an access level is a word, whatever the datapoint is."""
    return Format.SHORT_ENUM if target.property_id == Property.LEVEL else point.datapoint.format


def _words(which: Property | None) -> str:
    words = {
        Property.MINIMUM: "minimum of ",
        Property.MAXIMUM: "maximum of ",
        Property.LEVEL: "access level of ",
    }
    return "" if which is None else words.get(which, "")
