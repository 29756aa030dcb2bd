"""A copy of the project as a fresh checkout: nothing that was built, installed or cached."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.process import ROOT

_FILES = ("LICENSE", "Makefile", "README.md", "pyproject.toml", "setup.cfg")
_FOLDERS = ("drivers", "iocs", "scripts")


def check_out(folder: Path) -> Path:
    """Copy what is installed, and what installs it, to `folder`, which must not exist yet."""
    folder.mkdir()
    for name in _FILES:
        shutil.copy(ROOT / name, folder)
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
