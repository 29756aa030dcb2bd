"""The picture of a screen, drawn by a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.preview.bob import load
from scripts.preview.live import Reading
from scripts.preview.page import html_of, photograph
from scripts.preview.widgets import Unknown

_SCREEN = """<display version="2.0.0"><width>300</width><height>120</height>
<widget type="label" version="2.0.0"><name>Fits</name><text>Oil</text>
<x>10</x><y>10</y><width>80</width><height>20</height></widget>
<widget type="textupdate" version="2.0.0"><name>Cut</name><pv_name>X</pv_name>
<wrap_words>false</wrap_words><x>10</x><y>40</y><width>40</width><height>20</height></widget>
<widget type="{kind}" version="2.0.0"><name>Other</name><x>10</x><y>70</y></widget>
</display>"""

_READINGS = {"X": Reading("X", precision=3, is_float=True, value=1234567.0, severity=2)}


def _screen(folder: Path, kind: str) -> Path:
    path = folder / "screen.bob"
    path.write_text(_SCREEN.format(kind=kind))
    return path


def test_a_widget_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match=r"type 'gauge' \(Other\)"):
        html_of(load(_screen(tmp_path, "gauge"), {}), _READINGS)


def test_values_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    screen = load(_screen(tmp_path, "rectangle"), {})
    page = html_of(screen, {"X": Reading("X", is_text=True, value="<script>alert(1)</script>")})
    assert "<script>alert" not in page


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no picture drawn: no chromium")
async def test_the_picture_has_the_size_of_the_screen_and_cut_text_is_told(tmp_path: Path) -> None:
    screen = load(_screen(tmp_path, "rectangle"), {})
    picture = tmp_path / "screen.png"
    cut = await photograph(html_of(screen, _READINGS), screen.box[2:], picture)
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = (int.from_bytes(header[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (300, 120)
    assert [text.widget for text in cut] == ["Cut"]
    assert cut[0].text == "1234567.000"
