"""The pictures of the screens: what is taken, what the pages show, what is said without Phoebus."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from iocs.registry import MODULES, load
from scripts.screenshots.phoebus import complaints, jars
from scripts.screenshots.pictures import NoPicture, State, chosen, screens
from tests.support.process import ROOT

OPI = ROOT / "opi"
IMAGES = ROOT / "docs" / "images"
PHOEBUS = os.environ.get("PHOEBUS", "")


def _take(
    out: Path, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.screenshots", "--out", str(out), *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def _installed(folder: Path) -> Path:
    """A folder that looks like an installed Phoebus."""
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "core-launcher.jar").touch()
    return folder


def test_the_pages_show_the_pictures_that_are_taken_and_there_are_no_others() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    links = {(page, link) for page in pages for link in _links(page)}
    shown = {(page.parent / link).resolve() for page, link in links}
    assert shown == {IMAGES / f"{picture.name}.png" for picture in chosen(OPI, [])}
    assert shown == set(IMAGES.iterdir())


def _links(page: Path) -> list[str]:
    return re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())


def test_without_a_phoebus_it_says_so_and_does_nothing(tmp_path: Path) -> None:
    done = _take(tmp_path / "out", "--phoebus", "")
    assert done.returncode == 0
    assert done.stdout == (
        "no pictures taken: PHOEBUS=FOLDER names the folder of an installed Phoebus\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_folder_without_phoebus_is_refused(tmp_path: Path) -> None:
    done = _take(tmp_path / "out", "--phoebus", str(tmp_path))
    assert done.returncode == 2
    assert f"{tmp_path} holds no Phoebus" in done.stderr


@pytest.mark.parametrize("place", ["product-5.0.5.jar", "lib/product-5.0.5.jar"])
def test_an_installed_phoebus_is_known_by_its_jars(tmp_path: Path, place: str) -> None:
    assert jars(tmp_path) == []
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).touch()
    assert jars(tmp_path) == [str((tmp_path / place).parent / "*")]


def test_a_picture_that_there_is_not_is_refused(tmp_path: Path) -> None:
    folder = str(_installed(tmp_path / "phoebus"))
    done = _take(tmp_path / "out", "--phoebus", folder, "index-healthy", "cpa1110-sad")
    assert done.returncode == 2
    assert "no picture cpa1110-sad" in done.stderr


def test_packages_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = str(_installed(tmp_path / "phoebus"))
    done = _take(tmp_path / "out", "--phoebus", folder, env={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr == (
        "pictures need these packages: apt-get install"
        " xvfb imagemagick xdotool libgtk-3-0 fonts-liberation openjdk-17-jre\n"
    )


def test_patterns_choose_documented_pictures_first() -> None:
    names = [
        picture.name for picture in chosen(OPI, ["cpa1110-*", "xcom_health-*", "cpa1110-lost"])
    ]
    assert names == [
        *("cpa1110-healthy", "cpa1110-alarm", "cpa1110-lost", "cpa1110-gone"),
        *(f"xcom_health-{state}" for state in State),
    ]
    with pytest.raises(NoPicture, match="no picture nothing-"):
        chosen(OPI, ["nothing-*"])


def test_every_screen_is_found_with_the_macros_that_it_needs() -> None:
    found = screens(OPI)
    assert {screen.path.name for screen in found} == {path.name for path in OPI.glob("*.bob")}
    prefixes = {load(name).demo.prefix for name in MODULES}
    for screen in found:
        needed = set(re.findall(r"\$\(([PRMN])\)", screen.path.read_text()))
        assert needed <= set(screen.macros), screen.path
        assert "$" not in "".join(screen.macros.values()), screen
        assert screen.prefix in (prefixes if "P" in needed else {""}), screen


def test_a_resource_has_its_macros_and_size() -> None:
    (channel,) = (one for one in screens(OPI) if one.path.stem == "iseg_channel")
    assert channel.resource((1280, 800)) == (
        f"file://{OPI}/iseg_channel.bob?app=display_runtime"
        "&P=DEMO%3A&R=HV%3A&M=M00%3ACH00%3A&N=CH00&target=window@1280x800+0+0"
    )


def test_only_what_phoebus_says_about_displays_is_told() -> None:
    log = """\
2026-01-01 12:00:00 SEVERE [org.phoebus.ui.application.PhoebusApplication] UI Freezeup
2026-01-01 12:00:01 WARNING [org.csstudio.display.builder.representation] Failed to load 'x.bob'
java.lang.Exception: Cannot load 'x.bob'
\tat org.csstudio.display.Loader(Loader.java:65)
2026-01-01 12:00:02 INFO [org.csstudio.display.builder.model] Loading
2026-01-01 12:00:03 SEVERE [org.csstudio.display.builder.model] Unknown widget type
2026-01-01 12:00:04 SEVERE [org.csstudio.display.builder.model] Unknown widget type
"""
    assert complaints(log) == {
        "representation: Failed to load 'x.bob'\n    java.lang.Exception: Cannot load 'x.bob'": 1,
        "model: Unknown widget type": 2,
    }


@pytest.mark.slow
@pytest.mark.skipif(not PHOEBUS, reason="PHOEBUS names no installed Phoebus")
def test_a_picture_is_taken_of_a_running_phoebus(tmp_path: Path) -> None:
    done = _take(tmp_path, "--phoebus", PHOEBUS, "cpa1110-lost")
    assert done.returncode == 0, done.stderr
    (screen,) = (one for one in screens(OPI) if one.path.stem == "cpa1110")
    assert struct.unpack(">II", (tmp_path / "cpa1110-lost.png").read_bytes()[16:24]) == screen.size
    assert "Phoebus" not in done.stdout
