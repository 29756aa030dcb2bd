"""Live values of the PVs of a screen, with what a picture needs beside the value."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import caproto as ca
from caproto.asyncio.client import Context

_TIMEOUT = 30.0


class NotConnected(RuntimeError):
    """PVs that did not answer; the text names them."""


@dataclass(slots=True)
class Reading:
    """The newest value of a PV.

    value: number (of an enum the index), text, or list of numbers. severity: 0 none, 1 minor,
    2 major, 3 invalid. history: Unix time, value and severity of every update.
    """

    name: str
    units: str = ""
    precision: int = 0
    states: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 0.0)
    is_text: bool = False
    is_char_array: bool = False
    is_float: bool = False
    value: Any = None
    severity: int = 3
    history: list[tuple[float, float, int]] = field(default_factory=list)

    @property
    def number(self) -> float:
        """The value as rules and meters see it."""
        if isinstance(self.value, list):
            return float(self.value[0]) if self.value else 0.0
        return float(self.value) if isinstance(self.value, (int, float)) else 0.0


class Values:
    """Subscribes to PVs and keeps their readings."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}
        self._context: Any = None  # caproto's own annotations are too narrow
        self._subscriptions: list[Any] = []
        self._callbacks: list[Any] = []  # caproto holds them weakly

    async def add(self, names: Iterable[str]) -> None:
        """Subscribe to more PVs; returns when each has a value. Raises :class:`NotConnected`."""
        new = [name for name in dict.fromkeys(names) if name not in self.readings]
        if self._context is None:
            self._context = Context()
        pvs = await self._context.get_pvs(*new, timeout=_TIMEOUT)
        answered = await asyncio.gather(*(self._subscribe(pv) for pv in pvs))
        missing = [name for name, there in zip(new, answered, strict=True) if not there]
        if missing:
            raise NotConnected(f"no answer from {', '.join(sorted(missing))}")

    async def _subscribe(self, pv: Any) -> bool:
        """Whether a first value came."""
        try:
            await pv.wait_for_connection(timeout=_TIMEOUT)
            reading = _described(pv.name, await pv.read(data_type="control", timeout=_TIMEOUT))
        except (TimeoutError, ca.CaprotoError):
            return False
        first = asyncio.Event()

        async def update(_: Any, response: Any) -> None:
            _take(reading, response)
            first.set()

        subscription = pv.subscribe(data_type="time")
        self._subscriptions.append(subscription)
        self._callbacks.append(update)
        subscription.add_callback(update)
        try:
            async with asyncio.timeout(_TIMEOUT):
                await first.wait()
        except TimeoutError:
            return False
        self.readings[pv.name] = reading
        return True

    async def close(self) -> None:
        """End all subscriptions."""
        for subscription in self._subscriptions:
            await subscription.clear()
        if self._context is not None:
            await self._context.disconnect()


def _described(name: str, response: Any) -> Reading:
    about = response.metadata
    kind = response.data_type.name
    return Reading(
        name=name,
        units=getattr(about, "units", b"").decode("utf-8", "replace"),
        precision=getattr(about, "precision", 0),
        states=tuple(s.decode("utf-8", "replace") for s in getattr(about, "enum_strings", ())),
        limits=(_limit(about, "lower_disp_limit"), _limit(about, "upper_disp_limit")),
        is_text="STRING" in kind or "CHAR" in kind,
        is_char_array="CHAR" in kind,
        is_float="DOUBLE" in kind or "FLOAT" in kind,
    )


def _limit(about: Any, name: str) -> float:
    """A display limit; 0 for types that have none (of CHAR caproto gives it as bytes)."""
    value = getattr(about, name, 0.0)
    return 0.0 if isinstance(value, bytes) else float(value)


def _take(reading: Reading, response: Any) -> None:
    data = response.data
    if isinstance(data, bytes) or (
        reading.is_text and len(data) and not isinstance(data[0], bytes)
    ):
        reading.value = bytes(data).split(b"\0")[0].decode("utf-8", "replace")
    elif len(data) and isinstance(data[0], bytes):
        reading.value = data[0].decode("utf-8", "replace")
    else:
        numbers = [v.item() if hasattr(v, "item") else v for v in data]
        reading.value = numbers[0] if len(numbers) == 1 else numbers
    reading.severity = int(response.metadata.severity)
    if isinstance(reading.value, (int, float)):
        reading.history.append((time.time(), float(reading.value), reading.severity))
