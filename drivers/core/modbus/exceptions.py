"""Names of the Modbus exception codes, for error texts."""

from __future__ import annotations

_NAMES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}


def exception_text(code: int) -> str:
    """The exception code in words (MODBUS Application Protocol 1.1b3, section 7)."""
    return f"exception {code} ({_NAMES.get(code, 'unknown')})"
