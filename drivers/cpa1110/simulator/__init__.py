"""A simulated CPA compressor: its thermal model, registers, commands."""

from __future__ import annotations

from .console import CompressorSimulator, main

__all__ = ["CompressorSimulator", "main"]
