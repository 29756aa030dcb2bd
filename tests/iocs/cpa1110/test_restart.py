"""A restart loses no setting that an operator has made, however the IOC ended."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.iocs.cpa1110.expected import running
from tests.iocs.cpa1110.rig import PREFIX, eventually, ioc, simulator
from tests.support.ca import CaSpace
from tests.support.libca import Form, Libca
from tests.support.process import PythonProcess

SETTINGS: dict[str, float | str] = {
    "HeliumTemp.HIHI": 85.0,
    "HeliumTemp.HIGH": 60.5,
    "HeliumTemp.HSV": "MAJOR",
    "HeliumTemp.LOW": float("nan"),
    "LowPressure.MDEL": 0.05,
    "LowPressure.ADEL": 0.1,
    "LowPressure.LOLO": 1.25,
    "OperatingState.ZRSV": "MINOR",
    "PanelSerial.HIGH": 11000.0,
    "Scan:Status:Period": 0.25,
}


async def change(ca: Libca) -> None:
    """Make the settings as an operator would."""
    for name, value in SETTINGS.items():
        assert await ca.put(PREFIX + name, value) is None, name


async def check(ca: Libca) -> None:
    """The settings are as they were made, and in force."""
    for name, value in SETTINGS.items():
        reading = await ca.get(PREFIX + name, form=Form.CTRL)
        shown = reading.enums[int(reading.value)] if reading.enums else reading.value
        assert shown == pytest.approx(value, nan_ok=True), name

    async def alarms() -> bool:
        helium = await ca.get(f"{PREFIX}HeliumTemp")
        serial = await ca.get(f"{PREFIX}PanelSerial")
        return (helium.severity, serial.severity) == (2, 1)

    await eventually(alarms)
    limits = (await ca.get(f"{PREFIX}HeliumTemp", form=Form.CTRL)).limits
    assert limits is not None
    assert (limits.hihi, limits.high) == (85.0, 60.5)


async def test_settings_survive_sigterm(ca_space: CaSpace, tmp_path: Path) -> None:
    saved = tmp_path / "deep" / "settings.json"
    async with simulator(running()) as (panel, link):
        async with ioc(ca_space, link, autosave=saved) as process:
            async with Libca(ca_space) as ca:
                await change(ca)
            assert await process.stop(signal.SIGTERM) == 0
        async with ioc(ca_space, link, autosave=saved), Libca(ca_space) as ca:
            await check(ca)
        assert panel.requests(write=True) == []


async def test_settings_survive_sigkill_once_they_are_on_disk(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "settings.json"
    async with simulator(running()) as (_, link):
        async with ioc(ca_space, link, autosave=saved) as process:
            async with Libca(ca_space) as ca:
                await change(ca)

                async def on_disk() -> bool:
                    return saved.exists() and _period(saved) == 0.25

                await eventually(on_disk)
            assert await process.stop(signal.SIGKILL) == -signal.SIGKILL
        async with ioc(ca_space, link, autosave=saved), Libca(ca_space) as ca:
            await check(ca)


def _period(saved: Path) -> Any:
    return json.loads(saved.read_text())["settings"].get("Scan:Status:Period", {}).get("VAL")


async def test_sysreset_asks_for_a_restart_and_keeps_settings(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "settings.json"
    async with simulator(running()) as (_, link):
        arguments = ("--link", link, "--prefix", PREFIX, "--autosave", saved)
        async with PythonProcess("iocs.cpa1110", *arguments, env=ca_space.env) as process:
            await process.line(r"labioc: .* TCP port \d+")
            async with Libca(ca_space) as ca:
                await change(ca)
                await ca.put(f"{PREFIX}Ioc:SYSRESET", 1, wait=False)
                assert await process.wait() == 86
        async with ioc(ca_space, link, autosave=saved), Libca(ca_space) as ca:
            await check(ca)
            assert (await ca.get(f"{PREFIX}Ioc:SYSRESET")).value == 0


async def test_a_file_that_is_no_autosave_is_put_aside_and_the_ioc_runs(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "settings.json"
    saved.write_text("{ half a")
    async with simulator(running()) as (_, link), ioc(ca_space, link, autosave=saved) as process:
        await process.line(r"settings.json cannot be used .* kept as .*settings.json.bad")
        async with Libca(ca_space) as ca:
            assert (await ca.get(f"{PREFIX}Scan:Status:Period")).value == 1.0
    assert (tmp_path / "settings.json.bad").read_text() == "{ half a"


async def test_a_fifo_in_place_of_the_file_neither_delays_the_start_nor_the_end(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "settings.json"
    os.mkfifo(saved)
    async with simulator(running()) as (_, link), ioc(ca_space, link, autosave=saved) as process:
        await process.line(r"settings.json cannot be used \(it is a FIFO, not a file\)")
        async with Libca(ca_space) as ca:
            assert await ca.put(f"{PREFIX}Scan:Status:Period", 0.5) is None
        assert await process.stop(signal.SIGTERM) == 0
    assert saved.is_fifo()


async def test_a_file_that_may_not_be_read_is_kept_and_the_ioc_runs(
    ca_space: CaSpace, tmp_path: Path
) -> None:
    saved = tmp_path / "settings.json"
    saved.write_text("secret")
    saved.chmod(0)
    arguments = ("iocs.cpa1110", "--link", "tcp://127.0.0.1:1", "--autosave", saved)
    env = ca_space.env
    async with PythonProcess("tests.support.unprivileged", *arguments, env=env) as process:
        await process.line(r"settings.json cannot be used \(Permission denied\); kept as ")
        await process.line(r"labioc: .* TCP port \d+")
        assert await process.stop(signal.SIGTERM) == 0
    aside = tmp_path / "settings.json.bad"
    aside.chmod(0o600)
    assert aside.read_text() == "secret"
