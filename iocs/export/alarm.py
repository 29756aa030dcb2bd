"""The alarm tree of one IOC: every PV that can alarm, with what it means and where to look.

The alarm server sees the severity that the IOC gives; limits and severities are set there, by
``.HIHI``, ``.HHSV`` and so on, not in the tree. Tags: Phoebus, alarm model, ``XmlModelReader``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote as quote_url
from xml.etree import ElementTree as ET

from iocs.device.health_pvs import HealthPVs
from iocs.device.summary import connection_of

from .db import split_prefix
from .rows import Row

LAST_ERROR = HealthPVs.last_error.spec.name
DELAY = 5
"""Seconds that an alarm must last: the alarms of a lost link are gone by then, by the filter."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the IOC's alarms hang: the tree's name, the IOC's, its prefix and its screen."""

    tree: str
    name: str
    title: str
    prefix: str
    screen: str

    @property
    def display(self) -> str:
        """The link to the instrument's screen, with its macros."""
        p, r = (quote_url(part, safe="") for part in split_prefix(self.prefix))
        return f"{self.screen}?P={p}&R={r}"


def alarm_tree(rows: Sequence[Row], place: Place) -> str:
    """Configuration of the alarm server for one IOC, as its ``-import`` takes it."""
    config = ET.Element("config", name=place.tree)
    component = ET.SubElement(config, "component", name=place.name)
    _detail(component, "display", place.title, place.display)
    names = {row.name for row in rows}
    for row in rows:
        if row.alarms:
            component.append(_pv(row, place, connection_of(row.name, names)))
    ET.indent(config)
    text = ET.tostring(config, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _pv(row: Row, place: Place, connection: str) -> ET.Element:
    """Latched, so that what happened at night is seen in the morning.

    A lost link is one alarm, that of Connected: it switches off those of the other PVs, which wait
    long enough to hear of it. So does a lost part, a meter say.
    """
    pv = ET.Element("pv", name=place.prefix + row.name)
    settings = {"enabled": "true", "latching": "true", "annunciating": "false"}
    if connection:
        settings |= {"delay": str(DELAY), "filter": f"'{place.prefix}{connection}' > 0"}
    for tag, text in {"description": row.spec.desc, **settings}.items():
        ET.SubElement(pv, tag).text = text
    _detail(pv, "guidance", row.spec.desc, _guidance(row, place.prefix))
    _detail(pv, "display", place.title, place.display)
    return pv


def _guidance(row: Row, prefix: str) -> str:
    """What the declaration tells an operator; without that, what raises the alarm."""
    causes = "; ".join(f"{severity.name} {cause}" for cause, severity in row.alarms)
    return f"{row.spec.guidance or f'{causes}.'} If INVALID: see {prefix}{LAST_ERROR}."


def _detail(parent: ET.Element, tag: str, title: str, details: str) -> None:
    entry = ET.SubElement(parent, tag)
    ET.SubElement(entry, "title").text = title
    ET.SubElement(entry, "details").text = details
