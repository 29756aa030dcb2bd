"""Strip charts as SVG: one or more value axes, time to the right, a legend below."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .bob import Node
from .live import Reading
from .style import color, color_of, escape, font

_UNIT = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400}
_AXIS = 66
_TOP = 10
_BOTTOM = 26
_LEGEND = 24
_TIME = 90


@dataclass(frozen=True, slots=True)
class _Curve:
    name: str
    axis: int
    color: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Axis:
    title: str
    right: bool
    low: float
    high: float
    step: float

    def ticks(self) -> Iterator[float]:
        """The values that are written beside it."""
        first = math.ceil(self.low / self.step - 1e-9)
        for number in range(first, math.floor(self.high / self.step + 1e-9) + 1):
            yield number * self.step

    def label(self, value: float) -> str:
        """A value with as many digits as tell ticks apart."""
        digits = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if digits > 4:
            return f"{value:.2g}"
        return f"{value:.{digits}f}"


def seconds_of(text: str) -> float:
    """How long a start such as ``10 minutes`` or ``-1 hour`` is ago."""
    match = re.search(r"([0-9.]+)\s*([a-z]+?)s?$", text.strip())
    return float(match[1]) * _UNIT.get(match[2], 60) if match else 60.0


def stripchart(node: Node, readings: Mapping[str, Reading]) -> str:
    """The picture of a strip chart or Data Browser, with what was seen so far."""
    _, _, width, height = node.box
    span, now = seconds_of(node.text("start", "1 minute")), time.time()
    curves = [curve for curve in _curves(node, readings, now - span) if curve.axis >= 0]
    axes = [axis for axis in _axes(node, curves) if axis is not None]
    used = sorted({curve.axis for curve in curves})
    left = 8 + _AXIS * sum(not axes[i].right for i in used)
    right = width - 14 - _AXIS * sum(axes[i].right for i in used)
    bottom = height - _BOTTOM - _LEGEND
    parts = [f'<rect width="{width}" height="{height}" fill="{color(node, "background_color")}"/>']
    parts += _grid(node, axes, used, left, right, bottom)
    parts += _times(left, right, bottom, now, span)
    for curve in curves:
        axis = axes[curve.axis]
        scale = (bottom - _TOP) / (axis.high - axis.low)
        points = " ".join(
            f"{right + (t - now) / span * (right - left):.1f},{bottom - (v - axis.low) * scale:.1f}"
            for t, v in curve.points
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{curve.color}" stroke-width="2"/>'
        )
    style = f"{font(node, 'scale_font')};fill:{color(node, 'foreground_color')}"
    plot = f'<svg width="{width}" height="{height}" style="{style}">{"".join(parts)}</svg>'
    legend = _legend(curves) if node.flag("show_legend", False) else ""
    return f'{plot}<div class="legend" style="{font(node, "label_font")}">{legend}</div>'


def _times(left: float, right: float, bottom: float, now: float, span: float) -> Iterator[str]:
    """The times below the plot, the newest at its right end, as many as there is room for."""
    steps = min(5, max(1, int((right - left) / _TIME)))
    for step in range(steps + 1):
        x = right - (right - left) * step / steps
        clock = time.strftime("%H:%M:%S", time.localtime(now - span * step / steps))
        yield _text(x, bottom + 16, clock, "end" if step == 0 else "middle")
        yield _line(x, _TOP, x, bottom, "#d5dae0")


def _curves(node: Node, readings: Mapping[str, Reading], start: float) -> Iterator[_Curve]:
    for trace in node.element.findall("traces/trace"):
        reading = readings[trace.findtext("y_pv") or ""]
        seen = [(t, v) for t, v, severity in reading.history if severity < 3 and math.isfinite(v)]
        inside = [(max(t, start), v) for t, v in seen]
        points = [pair for previous, (t, v) in zip(seen[:1] + seen, inside, strict=False)
                  for pair in ((t, previous[1]), (t, v))]  # fmt: skip
        if points and reading.severity < 3:
            points.append((time.time(), points[-1][1]))
        axis = int(trace.findtext("axis") or 0)
        yield _Curve(
            trace.findtext("name") or reading.name, axis, color_of(trace.find("color"), "#0000ff"),
            points,
        )  # fmt: skip


def _axes(node: Node, curves: list[_Curve]) -> Iterator[_Axis]:
    for number, found in enumerate(node.element.findall("y_axes/y_axis")):
        values = [v for c in curves if c.axis == number for _, v in c.points]
        if (found.findtext("autoscale") or "true") == "true":
            low, high = (min(values), max(values)) if values else (0.0, 100.0)
            pad = (high - low) * 0.05 or max(abs(low) * 0.02, 0.5)
            low, high = low - pad, high + pad
        else:
            low = float(found.findtext("minimum") or 0)
            high = float(found.findtext("maximum") or 100)
        raw = (high - low) / 5
        power = 10 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
        right = (found.findtext("on_right") or "false") == "true"
        yield _Axis(found.findtext("title") or "", right, low, high, step)


def _grid(
    node: Node, axes: list[_Axis], used: list[int], left: float, right: float, bottom: float
) -> Iterator[str]:
    yield _line(left, bottom, right, bottom, "#808890")
    places = {"left": left, "right": right}
    for count, index in enumerate(used):
        axis = axes[index]
        side = "right" if axis.right else "left"
        x = places[side]
        sign = 1 if axis.right else -1
        places[side] += sign * _AXIS
        yield _line(x, _TOP, x, bottom, "#808890")
        for value in axis.ticks():
            y = bottom - (value - axis.low) / (axis.high - axis.low) * (bottom - _TOP)
            yield _text(x + 6 * sign, y + 4, axis.label(value), "start" if axis.right else "end")
            if count == 0:
                yield _line(left, y, right, y, "#d5dae0")
        title_x, middle = x + 56 * sign, (bottom + _TOP) / 2
        turned = f'transform="rotate(-90 {title_x:.1f} {middle:.1f})"'
        yield _text(title_x, middle, axis.title, "middle", turned)


def _legend(curves: list[_Curve]) -> str:
    return "".join(
        f'<span><i style="background:{curve.color}"></i>{escape(curve.name)}</span>'
        for curve in curves
    )


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"/>'


def _text(x: float, y: float, text: str, anchor: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(text)}</text>'
