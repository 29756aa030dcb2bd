"""CAN buses on python-can: requests to many nodes at once, each answer matched, never an echo."""

from __future__ import annotations

from .bus import CanBus, CanNode
from .frame import CanFrame

__all__ = ["CanBus", "CanFrame", "CanNode"]
