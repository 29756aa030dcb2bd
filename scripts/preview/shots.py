"""Which pictures there are: screen, macros, and the state that the instruments are in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from iocs.export.db import split_prefix
from iocs.registry import MODULES, load


class State(StrEnum):
    """The states, in the order in which they are brought about."""

    HEALTHY = "healthy"
    ALARM = "alarm"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    file: str
    macros: dict[str, str] = field(default_factory=dict)
    state: State = State.HEALTHY


ALARMS = {
    "cpa1110": ("alarm oil_high",),
    "cvm96": ("kill 2",),
    "iseg": ("trip M0 CH3", "temperature M0 58"),
    "xcom": ("grid off", "soc 12", "message XT1 0"),
    "arbin": ("unsafe 3 on",),
}
"""What brings each simulator into alarm."""


def _macros(instrument: str) -> dict[str, str]:
    """P and R of an instrument in the demo."""
    return dict(zip("PR", split_prefix(load(instrument).demo.prefix), strict=True))


def _all() -> Iterator[Shot]:
    for state in State:
        yield Shot(f"index-{state}", "index.bob", {}, state)
        for name in MODULES:
            macros = _macros(name)
            yield Shot(f"{name}-{state}", f"{name}.bob", macros, state)
            if state is State.HEALTHY:
                yield Shot(f"{name}-trend", f"{name}_trend.bob", macros)
                yield Shot(f"{name}-detail", f"{name}_detail.bob", macros)
    yield Shot("health", "health.bob", _macros("cpa1110"))
    yield Shot("health-lost", "health.bob", _macros("cpa1110"), State.LOST)
    channel = _macros("iseg") | {"M": "M00:CH00:", "N": "CH00"}
    yield Shot("iseg-channel", "iseg_channel.bob", channel)
    inverter = _macros("xcom") | {"M": "XT1:", "N": "XT1"}
    yield Shot("xcom-xtender", "xcom_xtender.bob", inverter)
    channel = _macros("arbin") | {"M": "CH001:", "N": "CH001"}
    yield Shot("arbin-channel", "arbin_channel.bob", channel)


SHOTS = tuple(_all())
