"""A wheel built from the repository works where the repository is not."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from iocs.registry import MODULES
from tests.support.ca import CaSpace
from tests.support.checkout import check_out
from tests.support.process import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def _run(*command: str | Path, cwd: Path, **more: str) -> str:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | more
    result = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def _sources() -> set[str]:
    """Every file of the packages in the repository, by its path from the root."""
    return {
        str(path.relative_to(ROOT))
        for top in ("drivers", "iocs")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _lowest(section: str, key: str) -> list[str]:
    """The lowest release of each requirement in a list of setup.cfg, pinned."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    pins: list[str] = []
    for line in config[section][key].splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            bounds = [s.version for s in requirement.specifier if s.operator in (">=", "==")]
            assert len(bounds) == 1, line
            pins.append(f"{requirement.name}=={bounds[0]}")
    return pins


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    sources = check_out(folder / "checkout")  # an older build beside them would be packed as well
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    _run(*pip, "--wheel-dir", folder, sources, cwd=folder)
    (found,) = folder.glob("labioc-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    _run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    programs = folder / "bin"
    _run(programs / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    return programs


def test_the_wheel_has_every_module_and_marker_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name for name in names if name.endswith(".py")}
    assert packed == {name for name in _sources() if name.endswith(".py")}
    assert {"drivers/py.typed", "iocs/py.typed"} <= set(names)
    assert {name.split("/")[0] for name in names} <= {
        "drivers",
        "iocs",
        next(name.split("/")[0] for name in names if name.endswith("/METADATA")),
    }


def test_data_files_of_the_packages_are_in_the_wheel(wheel: Path) -> None:
    assert _sources() <= set(zipfile.ZipFile(wheel).namelist())


def test_the_command_works_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    assert "usage: labioc" in _run(installed / "labioc", "--help", cwd=tmp_path)
    listed = _run(installed / "labioc", "list", cwd=tmp_path)
    assert set(MODULES) <= set(listed.split())


def test_the_dependencies_agree_with_each_other(installed: Path, tmp_path: Path) -> None:
    assert "No broken requirements" in _run(
        installed / "python", "-m", "pip", "check", cwd=tmp_path
    )


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="the lowest releases are for the lowest Python, 3.11"
)
def test_the_demo_runs_with_the_lowest_releases_that_are_asked_for(
    wheel: Path, tmp_path: Path, ca_space: CaSpace
) -> None:
    constraints = tmp_path / "lowest.txt"
    constraints.write_text("\n".join(_lowest("options", "install_requires")))
    _run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    programs = tmp_path / "venv" / "bin"
    _run(programs / "python", "-m", "pip", "install", "-c", constraints, wheel, cwd=tmp_path)
    shown = _run(programs / "labioc", "demo", "--seconds", "5", cwd=tmp_path, **ca_space.env)
    count = len(MODULES)
    assert f"{count} of {count} IOCs delivered fresh, valid values" in shown


def test_the_lowest_releases_that_are_asked_for_were_not_withdrawn(tmp_path: Path) -> None:
    extras = ("test", "bench")
    pins = set(_lowest("options", "install_requires"))
    pins.update(*(_lowest("options.extras_require", extra) for extra in extras))
    install = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed"]
    result = subprocess.run(
        [*install, "--no-deps", *sorted(pins)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "yanked" not in result.stderr
