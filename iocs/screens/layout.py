"""What an instrument's module says of its screens, and where it is found."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from iocs.export.bob import Display, Widget

from . import style
from .catalog import Ioc, Pv


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with the short text that tells what it is, as a heading or beside a curve."""

    text: str
    pv: Pv


@dataclass(frozen=True, slots=True)
class IndexRow:
    """How the index and the wall show one IOC.

    state: what it does now. values: up to four that an operator asks for first; the wall has the
    first two. active: the states that mean that it runs.
    """

    state: Cell
    values: tuple[Cell, ...]
    active: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """The screens of an instrument.

    main: the screen that the index opens first, then those that it leads to.
    row: what the index and the wall show of it.
    curves: what its trend shows, each PV with the text of its curve.
    reach: PVs or formulas that the axes of the trend shall reach, so that none follows noise.
    """

    main: Callable[[Ioc], Sequence[Display]]
    row: Callable[[Ioc], IndexRow]
    curves: Callable[[Ioc], Sequence[Cell]]
    reach: Callable[[Ioc], Sequence[Cell]] = lambda ioc: ()


def layout_of(instrument: str) -> Layout:
    """The layout of an instrument: that of its own module here, or one from its PVs alone."""
    name = f"{__package__}.{instrument}"
    if importlib.util.find_spec(name) is None:
        name = f"{__package__}.generic"
    return importlib.import_module(name).LAYOUT


def screen(file: str, title: str, height: int, widgets: Sequence[Widget]) -> Display:
    """A full screen."""
    return Display(file, title, (style.WIDTH, height), style.BACKGROUND, widgets)
