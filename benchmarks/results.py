"""What a benchmark found: one row a figure, ours beside the peer's, and the goal."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

_COLUMNS = ("benchmark", "figure", "unit", "labioc", "peer", "ratio", "goal", "met")


@dataclass(frozen=True, slots=True)
class Goal:
    """What our figure shall be at most, or at least."""

    bound: float
    at_least: bool = False

    def met(self, figure: float) -> bool:
        """Whether a figure is good enough."""
        return figure >= self.bound if self.at_least else figure <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {_number(self.bound)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `peer` is None where the peer has nothing to be compared."""

    benchmark: str
    figure: str
    unit: str
    ours: float
    peer: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return self.ours / self.peer if self.peer and self.ours * self.peer > 0 else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without one."""
        return None if self.goal is None else self.goal.met(self.ours)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.benchmark,
            self.figure,
            self.unit,
            _number(self.ours),
            "-" if self.peer is None else _number(self.peer),
            "-" if self.ratio is None else f"{self.ratio:.2f}",
            "-" if self.goal is None else str(self.goal),
            {None: "-", True: "yes", False: "**no**"}[self.met],
        )


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table, aligned to be read as plain text."""
    lines = [_COLUMNS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    numbers = range(3, 7)
    rule = [
        "-" * (width - 1) + ":" if column in numbers else "-" * width
        for column, width in enumerate(widths)
    ]
    ruled = [lines[0], tuple(rule), *lines[1:]]
    return "\n".join(
        "| "
        + " | ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in ruled
    )


def as_json(rows: Sequence[Row]) -> str:
    """The rows for a program: a list of objects with the full figures."""
    return json.dumps(
        [
            {
                "benchmark": row.benchmark,
                "figure": row.figure,
                "unit": row.unit,
                "labioc": row.ours,
                "peer": row.peer,
                "ratio": row.ratio,
                "goal": None if row.goal is None else str(row.goal),
                "met": row.met,
            }
            for row in rows
        ],
        indent=2,
    )


def _number(value: float) -> str:
    """Three significant digits, never in powers of ten."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
