"""Lists of what is worth saving: set points for save-and-restore, settings for autosave.

The two never mix. A snapshot of set points is written back by an operator who chose it; what
autosave keeps comes back by itself when an IOC starts, so it holds nothing that reaches an
instrument.

Clients write a snapshot back all at once and in any order. So it holds only what is declared with
``snapshot``: numbers. Commands, switches and modes, watchdogs, clocks, and what only some devices
of an instrument have, are in no list.
"""

from __future__ import annotations

from collections.abc import Sequence

from .db import MACROS
from .rows import Row

_GENERATED = "# AUTO-GENERATED. DON'T EDIT {} IF YOU DON'T KNOW HOW THOSE WORK!"


def restored(row: Row) -> bool:
    """Whether a restore writes to the PV."""
    return row.spec.snapshot and not row.locked


def snapshot_list(rows: Sequence[Row], prefix: str, name: str, title: str) -> str:
    """CSV for Phoebus save-and-restore: set points with their readbacks, settings of the IOC.

    The lines of name and description are as ``CSVParser`` of Phoebus takes them. READBACK is the
    last column, since an empty one in the middle is taken for a PV without a name: at the end it is
    none. READ_ONLY, 0 or 1, is 1 where nobody may put: such PVs are saved and compared only.
    """
    lines = [
        _GENERATED.format("BELOW"),
        "# SaveSet name:",
        f"# {name}",
        "# Description:",
        f"# {title}, {prefix.rstrip(':')}: numbers that may be restored",
        "# Nothing in it switches, starts, arms or sets a clock (labioc export saverestore)",
        _GENERATED.format("ABOVE"),
        "PV,READ_ONLY,READBACK",
    ]
    for row in rows:
        if row.spec.snapshot:
            readback = prefix + row.readback if row.readback else ""
            lines.append(f"{prefix}{row.name},{int(row.locked)},{readback}")
    return "\n".join(lines) + "\n"


def autosave_request(rows: Sequence[Row]) -> str:
    """A request file (.req) for the autosave module, macros P and R: what our IOC keeps too."""
    return "".join(f"{MACROS}{row.name}.{field}\n" for row in rows for field in row.settings)
