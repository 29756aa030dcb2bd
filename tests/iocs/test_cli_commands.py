"""The labioc command: list, schema, check, and what wrong usage is answered with."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.cpa1110.settings import CompressorSettings
from iocs import cli, registry
from iocs.export.files import demo_target
from tests.support.process import ROOT

SITE = """
[[ioc]]
name = "cold"
instrument = "cpa1110"
prefix = "LAB:CPA:"
link = "tcp://192.168.1.20:502"
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(SITE)
    return path


def usage_error(*arguments: str) -> None:
    """The command ends as argparse ends it: exit code 2."""
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2


def test_list_names_every_instrument_and_its_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["instrument", "link", "what", "it", "is"]
    assert [line.split()[0] for line in lines[1:]] == list(registry.MODULES)
    assert "tcp://192.168.1.20:502" in lines[1]
    assert "Cryomech CPA1110 helium compressor" in lines[1]


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out)["title"] == "labioc site file"


def test_check_shows_what_a_good_file_describes(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", str(site)]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["name", "instrument", "prefix", "link"]
    assert row.split() == ["cold", "cpa1110", "LAB:CPA:", "tcp://192.168.1.20:502"]


def test_check_ends_with_1_and_all_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(SITE.replace('"LAB:CPA:"', '"LAB CPA:"') + "port = 0\nspeed = 1\n")
    assert cli.main(["check", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 3
    assert all(
        line.startswith(f"{path}: [[ioc]] 1 (cold): key ") for line in captured.err.splitlines()
    )
    assert cli.main(["check", str(tmp_path / "none.toml")]) == 1


def test_check_makes_the_pvs_and_says_what_is_wrong_with_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.toml"
    long_prefix = "LAB:" + "X" * 60 + ":"
    path.write_text(
        SITE
        + '[[ioc.write]]\npvs = ["Start", "Strat"]\n'
        + SITE.replace("cold", "long").replace("LAB:CPA:", long_prefix).replace(":502", "")
    )
    assert cli.main(["check", str(path)]) == 1
    errors = capsys.readouterr().err.replace(f"{path}: ", "").splitlines()
    assert "[[ioc]] 1 (cold): key write.0.pvs: 'Strat' matches no PV of this IOC" in errors
    assert any(e.startswith(f"[[ioc]] 2 (long): key prefix: {long_prefix}") for e in errors)
    assert "[[ioc]] 1, 2: key link: 'tcp://192.168.1.20:502' is used more than once" in errors
    assert len(errors) == 3


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ruin"],
        ["run"],
        ["run", "--config", "x"],
        ["run", "cpa1110"],
        ["run", "cpa1110", "--link", "tcp://h", "--colour", "blue"],
        ["sim"],
        ["sim", "cpa1110", "--firmware", "4"],
        ["check"],
        ["demo", "--seconds", "0"],
        ["demo", "--seconds", "nan"],
        ["demo", "--only", "cpa1111"],
        ["demo", "--ca-port", "80"],
        ["run", "cpa1110", "--link", "tcp://h", "--port", "0"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    usage_error(*arguments)
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "cpa1111", "--link", "tcp://h"], "no instrument 'cpa1111'; there are "),
        (["sim", "cpa1111"], "no instrument 'cpa1111'; there are "),
        (["run", "x", "--config", "none.toml"], "none.toml: No such file or directory"),
        (
            ["run", "cpa1110", "--link", "tcp:/h"],
            "labioc run cpa1110: --link: 'tcp:/h': it must start with one of tcp://",
        ),
        (
            ["run", "cpa1110", "--link", "tcp://h", "--timeout", "soon"],
            "--timeout: input should be a valid number, not 'soon'",
        ),
        (
            ["run", "cpa1110", "--link", "tcp://h", "--confirm-timeout", "99"],
            "--confirm-timeout: 99 is not from 0.5 to 60",
        ),
        (
            ["run", "cpa1110", "--link", "tcp://h", "--set", "timeout"],
            "--set timeout: ",
        ),
        (
            ["run", "cpa1110", "--link", "tcp://h", "--prefix", "LAB CPA:"],
            "--prefix: 'LAB CPA:' must be of A-Z",
        ),
    ],
)
def test_wrong_values_are_named_with_what_would_be_right(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_several_wrong_flags_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--link", "tcp:/h", "--timeout", "99", "--unit", "x"]
    assert cli.main(["run", "cpa1110", *arguments]) == 2
    told = capsys.readouterr().err
    assert "--link: " in told
    assert "--timeout: " in told
    assert "--unit: " in told


def test_a_ca_port_in_the_environment_that_is_none_stops_only_the_demo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EPICS_CA_SERVER_PORT", "five")
    assert cli.main(["list"]) == 0
    usage_error("demo", "--seconds", "1")
    assert "'five' is not a port from 1024 to 65534" in capsys.readouterr().err


def test_an_unknown_ioc_of_a_file_is_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "warm", "--config", str(site)]) == 2
    assert f"{site}: no IOC named 'warm'; there are cold" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(registry.MODULES))
def test_every_instrument_is_complete(name: str) -> None:
    instrument = registry.load(name)
    assert instrument.name == name
    assert demo_target(instrument).rows
    assert callable(importlib.import_module(instrument.simulator).main)
    assert instrument.demo.fresh
    assert instrument.demo.show


def test_run_lists_the_flags_of_its_instrument(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["run", "cpa1110", "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    for setting in CompressorSettings.__dataclass_fields__:
        assert f"--{setting.replace('_', '-')}" in text
    for flag in ("--prefix", "--list-pvs", "--interfaces", "--read-only", "--no-autosave"):
        assert flag in text


@pytest.mark.parametrize("module", ["iocs", "iocs.cli"])
def test_the_packages_run_as_the_command(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cpa1110" in done.stdout


def labioc(*arguments: str | Path, output: int, **env: str) -> tuple[int, str]:
    """The command as a process that writes to a file descriptor; its exit code and errors."""
    done = subprocess.run(
        [sys.executable, "-m", "iocs.cli", *map(str, arguments)],
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, **env, "PYTHONUNBUFFERED": ""},  # as a shell starts it
    )
    return done.returncode, done.stderr


def in_folder(arguments: Sequence[str], folder: Path) -> list[str | Path]:
    """Arguments with the files that they name in a folder."""
    return [folder / a if a in ("site.toml", "out") else a for a in arguments]


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["schema"],
        ["pvs", "cpa1110"],
        ["pvs", "cpa1110", "--format", "csv"],
        ["check", "site.toml"],
        ["export", "archiver", "cpa1110", "--output", "out"],
        ["demo", "--only", "cpa1110"],
        ["--version"],
        ["--help"],
        ["run", "cpa1110", "--help"],
        ["sim", "cpa1110", "--help"],
    ],
    ids=" ".join,
)
def test_a_reader_that_goes_away_is_no_error(
    arguments: list[str], site: Path, ca_env: dict[str, str]
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = labioc(*in_folder(arguments, site.parent), output=writer, **ca_env)
    os.close(writer)
    assert done == (141, "")


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = labioc("list", output=full.fileno())
    assert done == (1, "labioc: No space left on device\n")
