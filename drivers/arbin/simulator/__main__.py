"""The simulator as a program."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    raise SystemExit(main())
