"""Modbus exception codes: their names, and those that do not mean that nothing happened."""

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


ACKNOWLEDGE = 5
"""The device took the request and still works on it: for a write this is no refusal."""

FROM_A_GATEWAY = (10, 11)
"""Codes by which a gateway says that the unit itself gave no answer."""


def exception_text(code: int) -> str:
    """The exception code in words (MODBUS Application Protocol 1.1b3, section 7)."""
    return f"exception {code} ({_NAMES.get(code, 'unknown')})"
