"""A screen as one HTML page, and the picture that headless Chromium makes of it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .bob import Node
from .style import color
from .widgets import Readings, draw

_CSS = """
html,body{margin:0;padding:0;overflow:hidden}
.w{position:absolute;box-sizing:border-box}
.t{line-height:1.15;min-width:0}
.free{position:absolute;left:0;top:0;overflow:visible}
.arrow{position:absolute;right:6px}
.combo .t{margin-right:14px}
.lamp{width:12px;height:12px;border-radius:50%;margin-left:6px;box-shadow:0 0 0 1px #555}
.c{flex:1;display:flex;align-items:center;justify-content:center;background:#d2d2d2;
box-shadow:inset 0 0 0 1px rgba(0,0,0,.25)}
.c.on{background:#c8c8c8;font-weight:bold;box-shadow:inset 0 0 0 2px #36506c}
.bit{flex:1;box-shadow:inset 0 0 0 1px #555;font-size:11px;overflow:hidden}
.tab{position:absolute;display:flex;align-items:center;justify-content:center;
box-sizing:border-box;border:1px solid #b4b4b4;border-radius:3px 3px 0 0}
.tabbody{position:absolute;border:1px solid #b4b4b4;border-radius:2px}
.legend{position:absolute;left:0;right:0;bottom:5px;display:flex;flex-wrap:wrap;
justify-content:center;gap:2px 16px}
.legend i{display:inline-block;width:14px;height:4px;margin-right:5px;vertical-align:middle}
.textupdate,.label,.textentry{overflow:hidden}
"""
_FIND_CUT = """
const cut=[];
for(const t of document.querySelectorAll('.t')){
 const b=t.parentElement.getBoundingClientRect(),r=document.createRange();
 r.selectNodeContents(t);const s=r.getBoundingClientRect();
 if(s.width>b.width+1||s.height>b.height+3)
  cut.push([t.parentElement.dataset.name,t.textContent,Math.round(s.width),Math.round(b.width),
  Math.round(s.height),Math.round(b.height)]);
}
const e=document.createElement('pre');e.id='cut';e.style.display='none';
e.textContent=JSON.stringify(cut);document.body.appendChild(e);
"""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT = 60.0


class NoBrowser(RuntimeError):
    """There is no Chromium, or it did not do its work; the text says what to do."""


@dataclass(frozen=True, slots=True)
class CutText:
    """A text that is larger than its widget."""

    widget: str
    text: str
    needs: tuple[int, int]
    has: tuple[int, int]

    def __str__(self) -> str:
        wide, high = self.needs
        return (
            f"{self.widget!r}: {self.text!r} needs {wide} x {high}, "
            f"the widget has {self.has[0]} x {self.has[1]}"
        )


def html_of(screen: Node, readings: Readings) -> str:
    """The page."""
    background = color(screen, "background_color")
    return (
        f"<!DOCTYPE html><meta charset=utf-8><style>{_CSS}body{{background:{background}}}</style>"
        f"<body>{draw(screen, readings)}<script>{_FIND_CUT}</script></body>"
    )


async def photograph(page: str, size: tuple[int, int], picture: Path) -> list[CutText]:
    """Write a picture of a page; returns the texts that did not fit. Raises :class:`NoBrowser`."""
    with tempfile.TemporaryDirectory(prefix="preview-") as folder:
        source = _written(folder, page)
        wanted = (f"--screenshot={picture}", f"--window-size={size[0]},{size[1]}")
        await _browse(folder, source, *wanted)
        document = await _browse(folder, source, "--dump-dom")
    await _shrink(picture)
    match = re.search(r'<pre id="cut"[^>]*>(.*?)</pre>', document, re.DOTALL)
    found = json.loads(_plain(match[1])) if match else []
    return [CutText(n, text, (w, h), (bw, bh)) for n, text, w, bw, h, bh in found]


def _written(folder: str, page: str) -> Path:
    source = Path(folder, "page.html")
    source.write_text(page, encoding="utf-8")
    return source


def _plain(text: str) -> str:
    for code, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(code, character)
    return text


async def _browse(folder: str, source: Path, *arguments: str) -> str:
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise NoBrowser("found no Chromium: apt-get install chromium fonts-liberation")
    process = await asyncio.create_subprocess_exec(
        *(browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
        *("--force-device-scale-factor=1", "--no-first-run", "--disable-extensions"),
        *(f"--user-data-dir={folder}/profile", *arguments, source.as_uri()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_TIMEOUT):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NoBrowser(f"Chromium was not done within {_TIMEOUT:g} s") from None
    if process.returncode != 0:
        raise NoBrowser(f"Chromium ended with exit code {process.returncode}")
    return output.decode(errors="replace")


async def _shrink(picture: Path) -> None:
    """Write the picture with a palette if pngquant is there: a quarter of the size."""
    pngquant = shutil.which("pngquant")
    if pngquant is not None:
        process = await asyncio.create_subprocess_exec(
            pngquant, "--force", "--strip", "--skip-if-larger", "--output", picture, picture
        )
        await process.wait()
