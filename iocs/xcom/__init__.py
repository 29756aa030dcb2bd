"""Studer Xcom: one IOC per gateway, with the inverters, solar chargers and battery behind it.

Live values come by multi-info, so that a site costs one or two exchanges; a device that is silent
makes its own PVs INVALID and no others. Writes go to RAM unless flash is configured for the
parameter. Nothing is switched or set by starting, reconnecting or ending.
"""

from __future__ import annotations

from .site import INSTRUMENT, SiteIOC

__all__ = ["INSTRUMENT", "SiteIOC"]
