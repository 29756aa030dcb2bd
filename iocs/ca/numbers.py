"""Numbers in front of a text, as C reads them: what EPICS Base takes a text for.

``12 abc`` is 12 to strtol and strtod, and so to a client that reads a text as a number.
"""

from __future__ import annotations

import math
import re

_INTEGER = re.compile(r"[ \t-\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[ \t-\r]*([+-]?)(?:"
    r"(0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?)"
    r"|((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?)"
    r"|(inf(?:inity)?|nan))",
    re.IGNORECASE,
)
_MOST_DIGITS = 40


def leading_integer(text: str) -> tuple[int, str]:
    """The number in front of a text (``0x`` hexadecimal, ``0`` octal) and what follows it.

    Raises ValueError if there is none, or if it has more digits than any integer of EPICS.
    """
    match = _INTEGER.match(text)
    if match is None or len(match[2]) > _MOST_DIGITS:
        raise ValueError("no whole number")
    base = 16 if match[2][:2] in ("0x", "0X") else 8 if match[2][0] == "0" else 10
    value = int(match[2], base)
    return -value if match[1] == "-" else value, text[match.end() :]


def leading_float(text: str) -> float:
    """The number in front of a text; ValueError if there is none or a double cannot hold it."""
    match = _FLOAT.match(text)
    if match is None:
        raise ValueError("no number")
    sign, hexadecimal, decimal, named = match.groups()
    if named:
        value = float(named)
    elif hexadecimal:
        try:
            value = float.fromhex(hexadecimal)
        except OverflowError:
            raise ValueError("no number that a double holds") from None
    else:
        value = float(decimal)
        mantissa = decimal.lower().partition("e")[0]
        if math.isinf(value) or (not value and mantissa.strip("0.")):
            raise ValueError("no number that a double holds")
    return -value if sign == "-" else value
