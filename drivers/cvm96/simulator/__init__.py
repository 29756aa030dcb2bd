"""Simulated CVM-96 meters on one bus: loads, meters, registers, commands."""

from __future__ import annotations

from .console import BusSimulator, main, make_bus

__all__ = ["BusSimulator", "main", "make_bus"]
