"""What is read in one go, of one or many devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .datapoint import Datapoint
from .multi_info import Present
from .protocol import Level, Value


@dataclass(frozen=True, slots=True)
class Point:
    """A datapoint of one device."""

    address: int
    datapoint: Datapoint

    @property
    def key(self) -> tuple[int, int]:
        """Address and number."""
        return self.address, self.datapoint.number


@dataclass(frozen=True, slots=True)
class InfoReading:
    """Live values of one moment, in the order that they were asked for.

    A value is None if its device is silent or does not have it, NaN if the device says that it has
    no value or gave no good answer. `time` is the gateway's clock and `present` what the gateway
    sees, if the reading was made by multi-info; `silent` are the devices that did not answer.
    """

    points: tuple[Point, ...]
    values: tuple[float | None, ...]
    time: int | None = None
    present: Present | None = None
    silent: tuple[int, ...] = ()
    _index: Mapping[tuple[int, int], float | None] = field(
        init=False, repr=False, compare=False, default_factory=dict[tuple[int, int], float | None]
    )

    def __post_init__(self) -> None:
        pairs = zip(self.points, self.values, strict=True)
        object.__setattr__(self, "_index", {point.key: value for point, value in pairs})

    def get(self, address: int, number: int) -> float | None:
        """A value by the address of the device and the number of the datapoint."""
        return self._index.get((address, number))


@dataclass(frozen=True, slots=True)
class ParameterReading:
    """Parameters of one round, in the order that they were asked for, as flash holds them.

    A value is None if its device did not answer or does not have it.
    """

    points: tuple[Point, ...]
    values: tuple[Value | None, ...]
    silent: tuple[int, ...] = ()
    _index: Mapping[tuple[int, int], Value | None] = field(
        init=False, repr=False, compare=False, default_factory=dict[tuple[int, int], Value | None]
    )

    def __post_init__(self) -> None:
        pairs = zip(self.points, self.values, strict=True)
        object.__setattr__(self, "_index", {point.key: value for point, value in pairs})

    def get(self, address: int, number: int) -> Value | None:
        """A value by the address of the device and the number of the datapoint."""
        return self._index.get((address, number))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a device allows of a parameter; `from_device` is False where it does not tell.

    Then they are those of the table, which are printed for 48 V and 230 V; None is no limit.
    """

    minimum: float | None
    maximum: float | None
    level: Level | None = None
    from_device: bool = True
