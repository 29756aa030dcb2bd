"""A simulated CAN line with iseg modules: channels, modules, data points, commands."""

from __future__ import annotations

from .console import main, make_models

__all__ = ["main", "make_models"]
