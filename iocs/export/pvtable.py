"""The PV table of one IOC for Phoebus: every PV of the instrument and its health, live.

Tags and attributes: Phoebus, PV Table, ``PVTableXMLPersistence`` (file version 3.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from .rows import Row, Section
from .saverestore import restored


def pv_table_file(rows: Sequence[Row], prefix: str) -> str:
    """A ``.pvs`` file; only what a snapshot would write back is selected."""
    table = ET.Element("pvtable", version="3.0")
    entries = ET.SubElement(table, "pvlist")
    for row in rows:
        if row.section in (Section.INSTRUMENT, Section.HEALTH) or restored(row):
            pv = ET.SubElement(entries, "pv")
            ET.SubElement(pv, "selected").text = "true" if restored(row) else "false"
            ET.SubElement(pv, "name").text = prefix + row.name
    ET.indent(table)
    text = ET.tostring(table, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
