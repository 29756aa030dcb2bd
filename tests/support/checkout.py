"""A copy of the project as a fresh checkout: nothing that was built, installed or cached."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.support.process import ROOT

_FILES = ("LICENSE", "Makefile", "README.md", "pyproject.toml", "setup.cfg")
_FOLDERS = ("drivers", "iocs", "scripts")

_OF_MAKE = ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PHOEBUS", "PYTHON", "VENV")


def without_make(env: Mapping[str, str]) -> dict[str, str]:
    """An environment without the flags and variables of a make that runs the tests."""
    return {name: value for name, value in env.items() if name not in _OF_MAKE}


def check_out(folder: Path) -> Path:
    """Copy what is installed, and what installs it, to `folder`, which must not exist yet."""
    folder.mkdir()
    for name in _FILES:
        shutil.copy(ROOT / name, folder)
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
