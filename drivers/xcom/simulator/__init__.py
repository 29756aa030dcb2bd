"""A simulated Studer site: plant, devices, gateway, its ports, commands."""

from __future__ import annotations

from .console import XcomSimulator, main

__all__ = ["XcomSimulator", "main"]
