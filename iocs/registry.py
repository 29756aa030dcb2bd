"""The instruments of labioc: one line each, in the order of the documentation."""

from __future__ import annotations

import importlib
from typing import Any

from iocs.device.instrument import Instrument

MODULES: dict[str, str] = {
    "cpa1110": "iocs.cpa1110",
    "cvm96": "iocs.cvm96",
    "iseg": "iocs.iseg",
    "xcom": "iocs.xcom",
    "arbin": "iocs.arbin",
}


class UnknownInstrument(ValueError):
    """A name that no instrument has."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no instrument {name!r}; there are {', '.join(MODULES)}")


def load(name: str) -> Instrument[Any, Any]:
    """The instrument of a name; imports its module only now. Raises :class:`UnknownInstrument`."""
    if name not in MODULES:
        raise UnknownInstrument(name)
    return importlib.import_module(MODULES[name]).INSTRUMENT
