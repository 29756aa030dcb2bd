"""Trends for Phoebus's Data Browser (``.plt``): PVs over time, one axis for each unit.

An axis names its curves in their colours; the first one has the grid.

Macros P and R stand for the prefix: open it as ``<file>.plt?P=...&R=...``, or from the screens.
Tags: Phoebus, Data Browser, ``XMLPersistence``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from .bob_values import Color


@dataclass(frozen=True, slots=True)
class Curve:
    """One PV of a trend: its name with macros, what it is, its unit and colour.

    ends: between what its axis shall reach at least to be of use; None to follow the values.
    """

    pv: str
    text: str
    units: str
    color: Color
    ends: tuple[float, float] | None = None


def plt(title: str, curves: Sequence[Curve], span: str = "1 hour") -> str:
    """A Data Browser file that shows the last `span` up to now."""
    root = ET.Element("databrowser")
    _texts(
        root, title=title, save_changes="false", show_legend="true", show_toolbar="true",
        grid="true", scroll="true", update_period="1.0", scroll_step="5", start=f"-{span}",
        end="now", archive_rescale="NONE",
    )  # fmt: skip
    units = list(dict.fromkeys(curve.units for curve in curves))
    axes = ET.SubElement(root, "axes")
    for number, unit in enumerate(units):
        own = [curve for curve in curves if curve.units == unit]
        ends = [curve.ends for curve in own if curve.ends]
        axis = ET.SubElement(axes, "axis")
        _texts(
            axis, visible="true", name=unit or "1", use_axis_name="true" if unit else "false",
            use_trace_names="true", right="true" if number else "false",
        )  # fmt: skip
        _color(axis, own[0].color if len(own) == 1 else Color(0, 0, 0))
        low = min((low for low, _ in ends), default=0.0)
        high = max((high for _, high in ends), default=100.0)
        follows = "false" if len(ends) == len(own) else "true"
        _texts(axis, min=str(low), max=str(high), grid="true" if not number else "false",
               autoscale=follows, log_scale="false")  # fmt: skip
    ET.SubElement(root, "annotations")
    pvs = ET.SubElement(root, "pvlist")
    for curve in curves:
        pv = ET.SubElement(pvs, "pv")
        _texts(
            pv, display_name=curve.text, visible="true", name=curve.pv,
            axis=str(units.index(curve.units)),
        )  # fmt: skip
        _color(pv, curve.color)
        _texts(
            pv, trace_type="AREA", linewidth="2", point_type="NONE", point_size="2",
            waveform_index="0", period="0.0", ring_size="5000", request="OPTIMIZED",
        )  # fmt: skip
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{text}\n'


def _texts(parent: ET.Element, **texts: str) -> None:
    for tag, text in texts.items():
        ET.SubElement(parent, tag).text = text


def _color(parent: ET.Element, color: Color) -> None:
    element = ET.SubElement(parent, "color")
    _texts(element, red=str(color.red), green=str(color.green), blue=str(color.blue))
