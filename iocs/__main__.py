"""``python -m iocs`` is ``labioc``."""

from __future__ import annotations

from iocs.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
