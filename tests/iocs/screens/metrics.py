"""How wide a text is in Liberation Sans, whose characters are as wide as those of Helvetica.

Widths in thousandths of the font size: the published metrics of the Helvetica faces.
"""

from __future__ import annotations

_PLAIN = {
    **dict.fromkeys("ijl'|", 222),
    **dict.fromkeys(" !,./:;I[]ft\\", 278),
    **dict.fromkeys("-()r{}", 333),
    **dict.fromkeys("Jckvsxyz", 500),
    **dict.fromkeys("+<=>~", 584),
    **dict.fromkeys("FTZ", 611),
    **dict.fromkeys("ABEKPSVXY&", 667),
    **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("Mm", 833),
    **dict.fromkeys("W%@", 944),
}
_BOLD = 1.08
"""How much wider bold text is at most, over words as they occur."""


def width(text: str, size: float, bold: bool = False) -> float:
    """Width of the longest line of a text in pixels."""
    lines = text.split("\n")
    units = max(sum(_PLAIN.get(character, 556) for character in line) for line in lines)
    return units * size / 1000 * (_BOLD if bold else 1.0)
