"""Lists of what is worth saving: set points for save-and-restore, settings for autosave.

The two never mix. A snapshot of set points is written back by an operator who chose it; what
autosave keeps comes back by itself when an IOC starts, so it holds nothing that reaches an
instrument. Commands are in neither.
"""

from __future__ import annotations

from collections.abc import Sequence

from .db import MACROS
from .rows import Row


def snapshot_list(rows: Sequence[Row], prefix: str) -> str:
    """CSV for Phoebus save-and-restore: set points with their readbacks, settings of the IOC.

    Columns as ``CSVImporter`` of Phoebus takes them; READ_ONLY is 0 or 1.
    """
    lines = ["PV,READBACK,READ_ONLY"]
    for row in rows:
        if row.restorable:
            readback = prefix + row.readback if row.readback else ""
            lines.append(f"{prefix}{row.name},{readback},0")
    return "\n".join(lines) + "\n"


def autosave_request(rows: Sequence[Row]) -> str:
    """A request file (.req) for the autosave module, macros P and R: what our IOC keeps too."""
    return "".join(f"{MACROS}{row.name}.{field}\n" for row in rows for field in row.settings)
