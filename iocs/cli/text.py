"""Plain output of the command line: errors and aligned tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from drivers.core.loglines import plain


def fail(message: str, code: int = 2) -> int:
    """Say what is wrong on stderr; returns the exit code."""
    print("\n".join(map(plain, message.split("\n"))), file=sys.stderr)
    return code


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns of equal width, the last one as long as it is."""
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = ([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]] for row in rows)
    return "\n".join("  ".join(line) for line in lines)
