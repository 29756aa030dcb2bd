"""The texts of channel records, decoded only when their bytes changed: they seldom do.

Of the 1753 bytes of a record 1652 are text (arbin-protocol.md 4.3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .fields import from_narrow, from_wide
from .reading import ChannelTexts

_WIDE, _NARROW = "wide", "narrow"
_COLUMNS = (
    (_WIDE, 400), (_WIDE, 144), (_NARROW, 100), (_NARROW, 64), (_WIDE, 144), (_WIDE, 400),
    (_WIDE, 400),
)  # fmt: skip
"""In the order of `ChannelTexts`: kind and bytes."""

TEXT_BYTES = sum(size for _, size in _COLUMNS)

_SURROGATE_BITS = 0xF800
_SURROGATES = 0xD800
_NOT_ASCII = 0x80


def texts_of(raw: NDArray[np.uint8]) -> list[ChannelTexts]:
    """The texts of some records; `raw` is (N, 1652)."""
    columns: list[list[str]] = []
    at = 0
    for kind, size in _COLUMNS:
        cut = np.ascontiguousarray(raw[:, at : at + size])
        columns.append(_wide_column(cut) if kind is _WIDE else _narrow_column(cut))
        at += size
    return [ChannelTexts(*row) for row in zip(*columns, strict=True)]


def _wide_column(cut: NDArray[np.uint8]) -> list[str]:
    units = cut.view("<u2")
    if ((units & _SURROGATE_BITS) == _SURROGATES).any():
        return [from_wide(row.tobytes()) for row in cut]
    return _characters(units)


def _narrow_column(cut: NDArray[np.uint8]) -> list[str]:
    if (cut & _NOT_ASCII).any():
        return [from_narrow(row.tobytes()) for row in cut]
    return _characters(cut)


def _characters(units: NDArray[np.unsignedinteger]) -> list[str]:
    """The texts of a column whose units are characters each: all at once."""
    texts: list[str] = units.astype("<u4").view(f"<U{units.shape[1]}")[:, 0].tolist()
    return [text.partition("\0")[0] if "\0" in text else text for text in texts]


class TextCache:
    """Remembers the texts of the channels of the last sweep."""

    def __init__(self) -> None:
        self._indices: NDArray[np.uint32] = np.empty(0, "<u4")
        self._raw: NDArray[np.uint8] = np.empty((0, TEXT_BYTES), np.uint8)
        self._texts: list[ChannelTexts] = []
        self.decoded = 0

    def texts(self, indices: NDArray[np.uint32], raw: NDArray[np.uint8]) -> list[ChannelTexts]:
        """The texts of channels `indices` (N,), of which `raw` (N, 1652) are the bytes.

        Those that did not change are the same objects as the last time; `decoded` counts the
        others.
        """
        if np.array_equal(indices, self._indices):
            changed = np.flatnonzero((raw != self._raw).any(axis=1))
        else:
            changed = np.arange(len(indices))
            self._texts = [ChannelTexts()] * len(indices)
        if len(changed):
            self.decoded += len(changed)
            texts = list(self._texts)
            for n, one in zip(changed.tolist(), texts_of(raw[changed]), strict=True):
                texts[n] = one
            self._indices, self._raw, self._texts = indices.copy(), raw.copy(), texts
        return self._texts
