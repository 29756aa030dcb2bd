"""Plain bytes to an instrument: serial line, TCP in both roles, UDP. Knows no protocol.

`open_stream` opens what a link URL names; `expect_caller` waits for an instrument that connects to
us. What comes out is a `ByteStream`.
"""

from __future__ import annotations

from .acceptor import Caller, expect_caller
from .base import ByteStream
from .opening import open_stream

__all__ = ["ByteStream", "Caller", "expect_caller", "open_stream"]
