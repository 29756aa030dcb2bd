"""iseg high-voltage modules on CAN: one IOC per line, with its modules and their channels.

Each module is polled on its own, so that one that is silent makes its own PVs INVALID and no
others. Off and emergency off overtake everything that waits. Nothing is switched by starting,
reconnecting or ending.
"""

from __future__ import annotations

from .crate import INSTRUMENT, CrateIOC

__all__ = ["INSTRUMENT", "CrateIOC"]
