"""The table of PVs: what there is, in which unit, and what may be written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from enum import StrEnum

from .rows import Row

COLUMNS = ("name", "record", "unit", "writable", "description")

Cells = tuple[str, str, str, str, str]


class Format(StrEnum):
    """How a table of PVs may be written."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MD = "md"


def pv_table(rows: Sequence[Row], form: Format = Format.TEXT, prefix: str = "") -> str:
    """The table of all PVs, their names behind `prefix`."""
    writers: dict[Format, Callable[[list[Cells]], str]] = {
        Format.TEXT: _aligned,
        Format.JSON: _json,
        Format.CSV: _csv,
        Format.MD: _markdown,
    }
    return writers[form]([_cells(row, prefix) for row in rows])


def _cells(row: Row, prefix: str) -> Cells:
    spec = row.spec
    writable = "yes" if spec.writable else "no"
    return prefix + row.name, spec.record, spec.units, writable, spec.desc


def _aligned(cells: list[Cells]) -> str:
    lines = [COLUMNS, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    padded = ("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def _json(cells: list[Cells]) -> str:
    objects: list[dict[str, str | bool]] = []
    for name, record, unit, writable, description in cells:
        values = (name, record, unit, writable == "yes", description)
        objects.append(dict(zip(COLUMNS, values, strict=True)))
    return json.dumps(objects, indent=1, ensure_ascii=False) + "\n"


def _csv(cells: list[Cells]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *cells])
    return text.getvalue()


def _markdown(cells: list[Cells]) -> str:
    rule = ("---",) * len(COLUMNS)
    lines = (" | ".join(c.replace("|", "\\|") for c in line) for line in [COLUMNS, rule, *cells])
    return "".join(f"| {line} |\n" for line in lines)
