"""What the Makefile says when it cannot do its work, and what it does when it can."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import check_out, without_make
from tests.support.process import ROOT


def _make(
    folder: Path, *arguments: str, path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    env = without_make(os.environ)
    if path is not None:
        env["PATH"] = str(path)
    make = shutil.which("make")
    assert make is not None
    return subprocess.run(
        [make, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def _python_of_version(path: Path, version: str) -> Path:
    """A program that runs as this Python but believes to be of another version."""
    major, minor, micro = version.split(".")
    program = (
        "import sys, platform; "
        f"sys.version_info = ({major}, {minor}, {micro}); "
        f"platform.python_version = lambda: '{version}'; "
        "exec(sys.argv.pop(1))"
    )
    return _script(
        path,
        f'[ "$1" = -c ] && exec "{sys.executable}" -c "{program}" "$2"\n'
        f'echo "{version} was asked for $*"\nexit 9',
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project in a folder whose name has a space, without an environment."""
    return check_out(tmp_path / "a checkout")


@pytest.fixture
def only_path(tmp_path: Path) -> Path:
    """A folder with the tools that the Makefile needs, but no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "sed", "touch", "rm", "find"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    return folder


def _refusal(result: subprocess.CompletedProcess[str], folder: Path) -> str:
    """The one line that was said, and nothing was made."""
    assert result.returncode == 2
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if not line.startswith("make: ***")]
    assert len(lines) == 1, result.stderr
    assert not (folder / ".venv").exists()
    return lines[0]


def test_without_a_target_it_tells_the_targets() -> None:
    result = _make(ROOT)
    assert result.returncode == 0
    assert "make demo" in result.stdout


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_a_python_too_old_is_refused(checkout: Path, tmp_path: Path, target: str) -> None:
    old = _python_of_version(tmp_path / "old", "3.10.13")
    line = _refusal(_make(checkout, target, f"PYTHON={old}"), checkout)
    assert line == (
        f"PYTHON={old} is Python 3.10.13: labioc needs Python 3.11 or newer,"
        " for example PYTHON=python3.13"
    )


def test_a_python_that_does_not_run_is_refused(checkout: Path) -> None:
    line = _refusal(_make(checkout, "demo", "PYTHON=./nothing"), checkout)
    assert line.startswith("PYTHON=./nothing does not run: labioc needs Python 3.11 or newer")


def test_no_python_at_all_is_told(checkout: Path, only_path: Path) -> None:
    line = _refusal(_make(checkout, "demo", path=only_path), checkout)
    assert line.startswith("found no Python 3.11 or newer, which labioc needs (")
    assert "apt-get install python3" in line


def test_the_pythons_that_are_too_old_are_named(checkout: Path, only_path: Path) -> None:
    _script(only_path / "python3.13", "echo 'python3.13: command not found' >&2; exit 127")
    _python_of_version(only_path / "python3", "3.9.2")
    line = _refusal(_make(checkout, "demo", path=only_path), checkout)
    assert "python3 is Python 3.9.2" in line
    assert "python3.13" not in line


@pytest.mark.parametrize(
    ("found", "chosen"),
    [
        ({"python3.13": "3.13.1", "python3.14": "3.14.2"}, "3.14.2"),
        ({"python3.14": "3.14.2", "python3.15": "3.15.0", "python3": "3.14.2"}, "3.15.0"),
        ({"python3.13": "3.13.1", "python3": "3.14.2"}, "3.14.2"),
        ({"python3.13": "3.13.1", "python3": "3.16.0"}, "3.13.1"),
        ({"python3": "3.16.0"}, "3.16.0"),
    ],
    ids=str,
)
def test_the_newest_python_that_labioc_was_run_on_is_taken(
    checkout: Path, only_path: Path, found: dict[str, str], chosen: str
) -> None:
    for name, version in found.items():
        _python_of_version(only_path / name, version)
    result = _make(checkout, "demo", path=only_path)
    assert f"{chosen} was asked for -m venv" in result.stdout, result.stderr


def test_the_versions_that_were_run_are_the_same_everywhere() -> None:
    script = (ROOT / "scripts" / "venv.sh").read_text()
    run_on = re.findall(r"^run_on=\"(.*)\"$", script, re.MULTILINE)[0].split()
    setup = (ROOT / "setup.cfg").read_text()
    classified = re.findall(r"Programming Language :: Python :: (3\.\d+)$", setup, re.MULTILINE)
    assert classified == run_on[::-1]
    for page in ("README.md", "CONTRIBUTING.md"):
        assert f"Python {run_on[-1]} to {run_on[0]}" in (ROOT / page).read_text(), page


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_python_that_makes_no_environments_is_refused(
    checkout: Path, tmp_path: Path, module: str
) -> None:
    bare = _script(
        tmp_path / "bare",
        f'[ "$2" = "import {module}" ] && exit 1\nexec "{sys.executable}" "$@"',
    )
    line = _refusal(_make(checkout, "demo", f"PYTHON={bare}"), checkout)
    assert line.startswith(f"{bare} has no module {module}")
    assert "apt-get install python3-venv" in line


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_installs_what_it_needs_to_run_and_only_once(checkout: Path) -> None:
    first = _make(checkout, "demo", "ARGS=--help", f"PYTHON={sys.executable}")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("setting up .venv ...\n")
    assert "usage: labioc demo" in first.stdout
    packages = checkout / ".venv" / "lib"
    assert list(packages.glob("*/site-packages/caproto"))
    assert not list(packages.glob("*/site-packages/pytest"))
    again = _make(checkout, "demo", "ARGS=--help", f"PYTHON={sys.executable}")
    assert again.returncode == 0, again.stderr
    assert "setting up" not in again.stdout
    os.utime(checkout / "setup.cfg")
    changed = _make(checkout, "demo", "ARGS=--help", f"PYTHON={sys.executable}")
    assert changed.stdout.startswith("setting up .venv ...\n")
    assert _make(checkout, "clean").returncode == 0
    assert not (checkout / ".venv").exists()
