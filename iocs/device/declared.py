"""Declarations: the objects behind the words of :mod:`iocs.device.declare`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, cast, overload

from caproto.server import PVGroup, pvproperty

from iocs.record.point import Owner, Point
from iocs.record.spec import PointSpec

from .agreement import AT_ONCE, Agreement
from .scan import Block, Feed

R = TypeVar("R")
T = TypeVar("T")
V = TypeVar("V")


class Binder(Owner, Protocol):
    """A group, as its declarations see it: they ask it to bind them to what feeds them."""

    def feed(self, block: Block[Any]) -> Feed: ...

    def bind_setting(self, setting: Setting, point: Point) -> None: ...

    def bind_command(self, command: Command[Any], point: Point) -> None: ...

    def bind_setpoint(self, setpoint: Setpoint[Any, Any], point: Point) -> None: ...


class Declared(pvproperty):
    """A PV of a group's class; the group's attribute is its :class:`~iocs.ca.channel.Point`.

    ``at_device`` tells whose truth it shows: what is the device's is INVALID while that is away.
    """

    at_device: ClassVar[bool] = True

    def __init__(self, spec: PointSpec) -> None:
        self.attr_name: Any = None
        self.spec = spec
        self.__doc__ = spec.desc

    @property
    def pvspec(self) -> Any:
        """What caproto's PVGroup asks for a channel; a declaration makes its own."""
        return self

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def attr(self) -> str:
        return self.attr_name

    def __set_name__(self, owner: type, name: str) -> None:
        self.attr_name = self.attr_name or name

    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...

    @overload
    def __get__(self, instance: PVGroup, owner: Any) -> Point: ...

    def __get__(self, instance: PVGroup | None, owner: Any) -> Self | Point:
        """The declaration, of a class; the record, of one of its groups."""
        return self if instance is None else cast(Point, instance.attr_pvdb[self.attr_name])

    def __copy__(self) -> Declared:
        return self

    def create(self, group: Binder) -> Point:
        """Make the channel of this PV in one group."""
        point = Point(self.spec, group.prefix + self.spec.name, group)
        self.bind(point, group)
        return point

    def bind(self, point: Point, group: Binder) -> None:
        """Connect a new channel to what feeds it or takes its puts."""

    def members(self, attribute: str) -> Mapping[str, Declared]:
        """Further PVs that come with this one."""
        return {}


class Reading(Declared, Generic[R]):
    """A PV that shows one value of a block."""

    def __init__(self, spec: PointSpec, block: Block[R], get: Callable[[R], Any]) -> None:
        super().__init__(spec)
        self.block = block
        self.get = get

    def bind(self, point: Point, group: Binder) -> None:
        group.feed(self.block).points.append((point, self.get))


class Internal(Declared):
    """A PV of the IOC's own (health, statistics), good whatever becomes of the device.

    What a device told is no such thing: it is a reading of a block.
    """

    at_device = False


class Setting(Declared):
    """An IOC-side setting that clients may change: kept by autosave, not sent to the device.

    ``apply(group, value)`` makes it effective; it may raise to refuse.
    """

    at_device = False

    def __init__(
        self, spec: PointSpec, initial: Any, apply: Callable[[Any, Any], None] | None = None
    ) -> None:
        super().__init__(spec)
        self.initial = initial
        self.apply = apply

    def bind(self, point: Point, group: Binder) -> None:
        group.bind_setting(self, point)


class Command(Declared, Generic[T]):
    """A momentary command: put 1 to carry it out; completes when the device has confirmed it."""

    def __init__(
        self,
        spec: PointSpec,
        action: Callable[[T], Awaitable[object]],
        confirm: Block[Any],
        *,
        brings: Callable[[Any], Any] | None,
        urgent: bool,
    ) -> None:
        super().__init__(spec)
        self.action = action
        self.confirm = confirm
        self.brings = brings
        self.urgent = urgent

    def bind(self, point: Point, group: Binder) -> None:
        group.bind_command(self, point)


class Setpoint(Declared, Generic[T, V]):
    """A value the device holds: ``X`` is what was asked for, ``X_RBV`` what the device has.

    ``follow``: after (re)connecting the set point takes the device's value; False keeps what was
    asked for.

    ``agreement``: how the device is found to hold what was put.
    """

    def __init__(
        self,
        spec: PointSpec,
        write: Callable[[T, V], Awaitable[object]],
        readback: Reading[Any],
        *,
        urgent: bool,
        follow: bool,
        agreement: Agreement = AT_ONCE,
    ) -> None:
        super().__init__(spec)
        self.agreement = agreement
        self.write = write
        self.readback = readback
        self.urgent = urgent
        self.follow = follow

    def bind(self, point: Point, group: Binder) -> None:
        group.bind_setpoint(self, point)

    def members(self, attribute: str) -> Mapping[str, Declared]:
        return {f"{attribute}_rbv": self.readback}


class Family:
    """PVs declared together (the bits of a word): in the class they are ``<attribute>_<key>``."""

    def __init__(self, members: Mapping[str, Declared]) -> None:
        self._members = dict(members)

    def expand(self, attribute: str) -> dict[str, Declared]:
        return {f"{attribute}_{key}": member for key, member in self._members.items()}
