"""A simulated battery cycler: cells, channels, tests, files, sessions, commands."""

from __future__ import annotations

from .console import CyclerSimulator, main

__all__ = ["CyclerSimulator", "main"]
