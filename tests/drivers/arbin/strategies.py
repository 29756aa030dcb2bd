"""Hypothesis strategies for what CTI messages carry."""

from __future__ import annotations

from hypothesis import strategies as st

from drivers.arbin.reading import AuxValue, BmsValue, ChannelReading, ChannelTexts, SmbValue
from drivers.arbin.words import AuxKind

singles = st.floats(width=32, allow_nan=False)
doubles = st.floats(allow_nan=False)
_any_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def wides(units: int) -> st.SearchStrategy[str]:
    """Texts that fit into so many UTF-16 code units."""
    return _any_text.map(lambda text: _cut(text, units))


def _cut(text: str, units: int) -> str:
    while len(text.encode("utf-16-le")) > 2 * units:
        text = text[:-1]
    return text


def narrows(size: int) -> st.SearchStrategy[str]:
    """Byte texts."""
    return st.text(st.characters(codec="cp1252", exclude_characters="\0"), max_size=min(size, 40))


texts = st.builds(
    ChannelTexts,
    wides(200),
    wides(72),
    narrows(100),
    narrows(64),
    wides(72),
    wides(200),
    wides(200),
)
aux_values = st.builds(AuxValue, singles, singles)
bms_values = st.builds(BmsValue, st.integers(0, 0xFFFFFFFF), doubles, narrows(40))
smb_values = st.builds(
    SmbValue, st.integers(0, 0xFFFFFFFF), st.one_of(doubles, narrows(40)), narrows(40)
)
_kinds = len(AuxKind)


def readings(
    aux: st.SearchStrategy[tuple[tuple[AuxValue, ...], ...]] | None = None, *, tails: bool = True
) -> st.SearchStrategy[ChannelReading]:
    """Readings of channels, with aux values of a shape, and BMS and SMB values."""
    some_aux = st.tuples(*[st.lists(aux_values, max_size=3).map(tuple)] * _kinds)
    none = st.just(())
    return st.builds(
        ChannelReading,
        st.integers(0, 0xFFFF),
        st.integers(-0x8000, 0x7FFF),
        st.booleans(),
        st.integers(0, 0xFFFF),
        doubles,
        doubles,
        *[singles] * 12,
        texts=texts,
        aux=some_aux if aux is None else aux,
        bms=st.lists(bms_values, max_size=3).map(tuple) if tails else none,
        smb=st.lists(smb_values, max_size=3).map(tuple) if tails else none,
    )
