"""Settings of a cycler, and where its user and password come from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from drivers.arbin.credentials import CredentialsError, credentials
from drivers.arbin.login import Login
from drivers.arbin.settings import AuxCounts, CyclerSettings
from drivers.arbin.words import AuxKind, Extra

LINK = "tcp://192.168.1.20"


def made(**changes: Any) -> CyclerSettings:
    values: dict[str, Any] = {"link": LINK, **changes}
    return CyclerSettings(**values)


def test_defaults() -> None:
    settings = CyclerSettings(LINK)
    assert str(settings.url) == "tcp://192.168.1.20:9031"
    assert settings.file_url == settings.url
    assert settings.extra == Extra.AUX
    assert not settings.allow_control


def test_what_is_asked_for_besides_the_channels() -> None:
    assert CyclerSettings(LINK, aux=False).extra == Extra.NONE
    assert CyclerSettings(LINK, bms=True, smb=True).extra == Extra.EVERYTHING


def test_files_may_have_a_port_of_their_own() -> None:
    assert str(CyclerSettings(LINK, file_port=9032).file_url) == "tcp://192.168.1.20:9032"


def test_aux_counts_by_kind() -> None:
    counts = AuxCounts(voltage=1, temperature=2, ph=3, density=4)
    found = {kind: counts.of(kind) for kind in AuxKind if counts.of(kind)}
    assert found == {
        AuxKind.VOLTAGE: 1,
        AuxKind.TEMPERATURE: 2,
        AuxKind.PH: 3,
        AuxKind.DENSITY: 4,
    }


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"link": "serial:///dev/ttyS0"}, "a cycler is reached by tcp://"),
        ({"link": "rtu+tcp://host:1"}, "a cycler is reached by tcp://"),
        ({"link": "tcp://"}, "the host is missing"),
        ({"channels": 0}, "channels 0 is not from 1 to 1024"),
        ({"channels": 1025}, "channels 1025 is not from 1 to 1024"),
        ({"file_port": 0}, "file_port 0 is not from 1 to 65535"),
        ({"timeout": 0.0}, "timeout 0 is not from 0.1 to 120"),
        ({"timeout": float("nan")}, "timeout nan is not from 0.1"),
        ({"connect_timeout": 121.0}, "connect_timeout 121 is not from 0.1"),
        ({"confirm_timeout": 0.5}, "confirm_timeout 0.5 is not from 1"),
        ({"confirm_timeout": 2.0}, "confirm_timeout 2 is less than the 3 s of refresh"),
        ({"refresh": 0.0}, "refresh 0 is not from 0.1"),
        ({"bms_count": -1}, "bms_count -1 is not from 0"),
        ({"smb_count": 300}, "smb_count 300 is not from 0"),
        ({"credentials_file": ""}, "credentials_file is empty"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        made(**wrong)


def test_a_wrong_count_is_named() -> None:
    with pytest.raises(ValueError, match="ph 257 is not from 0 to 256"):
        AuxCounts(ph=257)


@pytest.mark.parametrize("name", ["user_variable", "password_variable"])
def test_a_password_instead_of_a_name_is_not_shown(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be the name") as caught:
        made(**{name: "hunter2!"})
    assert "hunter2" not in str(caught.value)


# -- credentials


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_USER", "anna")
    monkeypatch.setenv("MY_PASSWORD", "hunter2")
    settings = CyclerSettings(LINK, user_variable="MY_USER", password_variable="MY_PASSWORD")
    assert credentials(settings) == Login("anna", "hunter2")


def test_what_is_missing_in_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABIOC_ARBIN_USER", "anna")
    monkeypatch.delenv("LABIOC_ARBIN_PASSWORD", raising=False)
    with pytest.raises(CredentialsError, match=r"^LABIOC_ARBIN_PASSWORD not set"):
        credentials(CyclerSettings(LINK))
    monkeypatch.setenv("LABIOC_ARBIN_USER", "")
    with pytest.raises(CredentialsError, match="LABIOC_ARBIN_USER and LABIOC_ARBIN_PASSWORD not"):
        credentials(CyclerSettings(LINK))


def test_nothing_is_read_before_the_login(tmp_path: Path) -> None:
    """So that a site file can be checked, and PVs listed, on another machine."""
    CyclerSettings(LINK, credentials_file=str(tmp_path / "not there"))


def written(folder: Path, text: str | bytes, mode: int = 0o600) -> CyclerSettings:
    file = folder / "arbin.toml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return CyclerSettings(LINK, credentials_file=str(file))


GOOD = 'user = "anna"\npassword = "hunter2"\n'


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_from_a_file_of_its_owner(tmp_path: Path, mode: int) -> None:
    assert credentials(written(tmp_path, GOOD, mode)) == Login("anna", "hunter2")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666, 0o610])
def test_a_file_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CredentialsError, match=rf"mode {mode:04o}\): it must be 0600 or 0400"):
        credentials(written(tmp_path, GOOD, mode))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'user = "anna"\n',
        'user = "anna"\npassword = 12345678\n',
        GOOD + 'extra = "hunter3"\n',
        'user = "anna"\npassword = "hunter2\n',
        "anna\nhunter2\n",
        b"user = \xff\xfe",
        GOOD + "#" * 5000,
        "password=" + "[" * 4000,
    ],
)
def test_a_file_with_something_else_is_refused_and_not_shown(
    tmp_path: Path, text: str | bytes
) -> None:
    with pytest.raises(CredentialsError, match="is not two lines of TOML") as caught:
        credentials(written(tmp_path, text))
    assert "hunter" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    settings = CyclerSettings(LINK, credentials_file=str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="none' cannot be read: No such file"):
        credentials(settings)


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(CredentialsError, match="is not a plain file"):
        credentials(CyclerSettings(LINK, credentials_file=str(pipe)))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"cannot be read|is not a plain file"):
        credentials(CyclerSettings(LINK, credentials_file=str(tmp_path)))


def test_a_file_is_read_again_for_each_login(tmp_path: Path) -> None:
    settings = written(tmp_path, GOOD)
    credentials(settings)
    written(tmp_path, GOOD.replace("hunter2", "hunter3"))
    assert credentials(settings) == Login("anna", "hunter3")
