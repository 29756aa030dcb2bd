"""When a connection brings nothing but noise: bytes of which no parser can make anything.

A bit of it is normal on a serial line, and parsers find the next frame behind it. A peer that sends
nothing else keeps the event loop busy for nothing: it is another instrument, or none.
"""

from __future__ import annotations

from typing import Final

MOST_NOISE: Final = 65_536
"""Bytes since the last good frame after which a connection is given up."""


def too_noisy(noise: int) -> str:
    """Why a connection is given up after so many bytes without a good frame; empty if it is not."""
    return f"nothing but noise came, {noise} bytes of it" if noise > MOST_NOISE else ""
