"""What an instrument's module tells the rest: settings, PVs, simulator, place in the demo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from drivers.core.device import Device

from .group import DeviceGroup

S = TypeVar("S")
D = TypeVar("D", bound=Device)


@dataclass(frozen=True, slots=True)
class Demo:
    """How ``labioc demo`` shows an instrument.

    ``simulator`` are the arguments of its simulator beside the link, ``settings`` the IOC's beside
    the link, ``show`` the PVs of the live table, ``fresh`` one that must deliver new valid values;
    ``environment`` is what the IOC finds in its environment, such as a password of the simulator.
    """

    prefix: str
    show: Sequence[str]
    fresh: str
    simulator: Sequence[str] = ()
    link: str = "tcp://127.0.0.1:0"
    settings: Sequence[tuple[str, Any]] = ()
    environment: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Instrument(Generic[S, D]):
    """One kind of instrument.

    ``settings`` is a frozen dataclass whose field ``link`` is the URL; ``open`` makes the device
    from it without touching the wire; ``simulator`` is the ``main(argv) -> int`` of its simulator.
    """

    name: str
    title: str
    settings: type[S]
    open: Callable[[S], D]
    group: Callable[..., DeviceGroup[D]]
    simulator: str
    default_prefix: str
    example_link: str
    demo: Demo
