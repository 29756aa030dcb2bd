"""CAN buses on python-can: requests to many nodes at once, each answer matched, never an echo."""

from __future__ import annotations

from .bus import CanBus
from .frame import CanFrame
from .node import CanNode, Part

__all__ = ["CanBus", "CanFrame", "CanNode", "Part"]
