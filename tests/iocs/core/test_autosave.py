"""Autosave: debounced, atomic, restored before serving, and never near the instrument."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iocs.app.autosave import Autosave
from iocs.app.serve import ServeOptions
from iocs.app.statefile import MAX_SIZE, write_atomically
from iocs.record.fields import setting_fields
from tests.iocs.core.plant import PREFIX, Plant, PlantIoc, read_now, serving, until
from tests.support.ca import CaSpace
from tests.support.rawca import RawCa


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "plant.json"


def options(path: Path) -> ServeOptions:
    return ServeOptions(interfaces=("127.0.0.1",), autosave=path)


def exists(path: Path) -> bool:
    return path.exists()


def remove(folder: Path) -> None:
    folder.rmdir()


def inode(path: Path) -> int:
    return path.stat().st_ino


def settings_of(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())["settings"]


async def test_settings_survive_a_restart_and_touch_no_hardware(
    space: CaSpace, path: Path, plant: Plant
) -> None:
    puts: dict[str, float | str] = {
        "Temperature.HIHI": 33.0,
        "Temperature.HIGH": "nan",
        "Temperature.HHSV": "MINOR",
        "Temperature.HYST": 1.5,
        "Temperature.DESC": "Tank",
        "Temperature.HOPR": 77.0,
        "Mode.TWSV": "NO_ALARM",
        "Scan:Main:Period": 0.5,
        "Cycles.HIHI": 50.0,
    }
    first = PlantIoc(PREFIX, plant)
    async with serving(first, options(path)) as ioc, RawCa(ioc.context.port) as raw:
        for name, value in puts.items():
            assert (await raw.put(await raw.create(PREFIX + name), value)).one == 1
        assert (await raw.put(await raw.create(PREFIX + "Target"), 40.0)).one == 1
    writes = list(plant.writes)
    restarted = PlantIoc(PREFIX, plant)
    plant.show(temperature=35.5, mode=2)
    async with serving(restarted, options(path)) as ioc, RawCa(ioc.context.port) as raw:
        await read_now(restarted)
        for name, value in puts.items():
            answer = await raw.read(await raw.create(PREFIX + name), 0)
            text = answer.payload.split(b"\0")[0].decode()
            assert text == value or float(text) == float(value) or text == "nan", name
        assert restarted.point("temperature").severity == 1  # HIHI at 33, now MINOR; HIGH unset
        assert restarted.point("mode_now").severity == 0
        assert restarted.poller(PlantIoc.main).period == 0.5
    assert plant.writes == writes == [("target", 40.0)]
    assert "Target" not in settings_of(path)


async def test_restored_before_anything_is_served(space: CaSpace, path: Path, plant: Plant) -> None:
    write_atomically(path, json.dumps({"version": 1, "settings": {"Pressure": {"HIHI": 3.0}}}))
    group = PlantIoc(PREFIX, plant)
    assert Autosave(group, path).restore() == 1
    assert group.point("pressure").limit("HIHI") == 3.0


async def test_many_changes_are_one_write(path: Path, plant: Plant) -> None:
    group = PlantIoc(PREFIX, plant)
    autosave = Autosave(group, path, delay=0.2)
    autosave.start()
    seen = set()
    for number in range(50):
        group.point("temperature").change_limit("HIHI", float(number))
        await asyncio.sleep(0)
        seen.add(exists(path))
    assert seen == {False}
    await until(lambda: exists(path))
    assert settings_of(path) == {"Temperature": {"HIHI": 49.0}}
    before = inode(path)
    await autosave.stop()
    assert inode(path) == before  # nothing new, nothing written


async def test_written_on_exit(path: Path, plant: Plant) -> None:
    group = PlantIoc(PREFIX, plant)
    autosave = Autosave(group, path, delay=3600.0)
    autosave.start()
    group.point("temperature").change_limit("LOW", -1.0)
    await autosave.stop()
    assert settings_of(path) == {"Temperature": {"LOW": -1.0}}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_a_write_under_way_at_the_end_does_not_outlive_the_newer_one(
    path: Path, plant: Plant
) -> None:
    group = PlantIoc(PREFIX, plant)
    autosave = Autosave(group, path, delay=0.0)
    autosave.start()
    for number in range(30):
        group.point("temperature").change_limit("HIHI", float(number))
        await asyncio.sleep(0.001)
    group.point("temperature").change_limit("HIHI", 1000.0)
    await autosave.stop()
    assert settings_of(path) == {"Temperature": {"HIHI": 1000.0}}


async def test_changes_during_a_write_are_in_the_next_one(
    path: Path, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not wait as long as what could not be written."""
    monkeypatch.setattr("iocs.app.autosave.RETRY", 1e6)
    group = PlantIoc(PREFIX, plant)
    autosave = Autosave(group, path, delay=0.0)
    autosave.start()
    while not exists(path):
        group.point("temperature").change_limit("HIHI", 1.0)
        await asyncio.sleep(0)
    group.point("temperature").change_limit("HIHI", 1000.0)
    await until(lambda: settings_of(path) == {"Temperature": {"HIHI": 1000.0}})
    await autosave.stop()


def test_a_write_that_fails_leaves_the_old_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2, "settings": {}}',
        '{"version": 1, "settings": [1]}',
        '{"version": 1, "settings": {"Temperature": 5}}',
        "\0\0",
        '{"version": 1}',
        "[" * 100_000,
        '{"version": 1, "settings": {"Temperature": {"HIHI": ' + "[" * 400 + "]" * 400 + "}}}",
        '{"version": 1, "settings": {"Temperature": {"HIHI": {"a": 1}}}}',
        '{"version": 1, "settings": {"Temperature": {"HIHI": ' + "9" * 5000 + "}}}",
        " " * (MAX_SIZE + 1),
    ],
    ids=range(14),
)
async def test_a_corrupt_file_is_kept_aside_with_one_line(
    path: Path, plant: Plant, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_atomically(path, text)
    group = PlantIoc(PREFIX, plant)
    assert Autosave(group, path).restore() == 0
    assert path.with_name("plant.json.bad").read_text() == text
    assert not exists(path)
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert str(path) in record.getMessage()
    assert record.exc_info is None


@pytest.fixture
def kept(path: Path) -> Path:
    """A good file at the path, with one setting."""
    write_atomically(path, json.dumps({"version": 1, "settings": {"Pressure": {"HIHI": 3.0}}}))
    return path


def life(path: Path, plant: Plant) -> int:
    """An IOC starts, a client changes a setting, it ends; returns how many were restored."""

    async def live() -> int:
        group = PlantIoc(PREFIX, plant)
        autosave = Autosave(group, path)
        count = autosave.restore()
        autosave.start()
        group.point("temperature").change_limit("LOW", -1.0)
        await autosave.stop()
        return count

    return asyncio.run(live())


CHANGED = {"Temperature": {"LOW": -1.0}}


def test_bytes_that_are_no_text_are_kept_aside(path: Path, plant: Plant) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\0")
    assert life(path, plant) == 0
    assert path.with_name("plant.json.bad").read_bytes() == b"\xff\xfe\0"
    assert settings_of(path) == CHANGED


def test_a_file_of_any_size_is_read_only_so_far(path: Path, plant: Plant) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: takes no room on the disk
    assert life(path, plant) == 0
    assert path.with_name("plant.json.bad").stat().st_size == 1 << 40


def test_no_file_that_was_kept_aside_is_overwritten(path: Path, plant: Plant) -> None:
    for text in ("first", "second", "third"):
        write_atomically(path, text)
        life(path, plant)
    names = ("plant.json.bad", "plant.json.bad2", "plant.json.bad3")
    assert [path.with_name(name).read_text() for name in names] == ["first", "second", "third"]


@pytest.mark.parametrize("kind", ["directory", "FIFO", "socket", "device"])
def test_what_is_no_file_is_left_alone_and_nothing_waits_for_it(
    path: Path, plant: Plant, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        match kind:
            case "directory":
                path.mkdir()
            case "FIFO":
                os.mkfifo(path)
            case "socket":
                listener.bind(str(path))
            case _:
                path.symlink_to("/dev/null")
        before = path.lstat()
        assert life(path, plant) == 0
    assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert list(path.parent.iterdir()) == [path]
    texts = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert texts == [
        f"{path} cannot be used (it is a {kind}, not a file): nothing restored or saved",
        f"settings not saved to {path}: it is a {kind}, not a file",
    ]


def test_a_symbolic_link_stays_and_leads_to_the_settings(
    kept: Path, plant: Plant, tmp_path: Path
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(kept)
    before = inode(kept)
    assert life(link, plant) == 1
    assert link.readlink() == kept
    assert settings_of(kept) == {"Pressure": {"HIHI": 3.0}} | CHANGED
    assert inode(kept) != before  # replaced whole, not written into
    assert list(kept.parent.iterdir()) == [kept]


def test_a_bad_file_behind_a_symbolic_link_is_kept_beside_itself(
    kept: Path, plant: Plant, tmp_path: Path
) -> None:
    kept.write_text("{")
    link = tmp_path / "link.json"
    link.symlink_to(kept)
    assert life(link, plant) == 0
    assert kept.with_name("plant.json.bad").read_text() == "{"
    assert link.readlink() == kept
    assert settings_of(kept) == CHANGED


def test_a_symbolic_link_to_nothing_is_told_and_filled(
    path: Path, plant: Plant, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(path)
    assert life(link, plant) == 0
    assert f"{link} leads to no file" in caplog.text
    assert link.readlink() == path
    assert settings_of(path) == CHANGED


def test_a_symbolic_link_to_itself_is_told_and_left_alone(
    path: Path, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.symlink_to(path)
    assert life(path, plant) == 0
    assert "Too many levels of symbolic links" in caplog.text
    assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2
    assert path.readlink() == path


def test_a_file_that_can_be_neither_read_nor_put_aside_is_not_overwritten(
    path: Path, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.symlink_to("/proc/self/mem")  # a regular file whose first byte cannot be read
    assert life(path, plant) == 0
    assert "cannot be used (Input/output error) and not be put aside (" in caplog.text
    assert f"settings not saved to {path}: " in caplog.text
    assert path.readlink() == Path("/proc/self/mem")


def test_a_failure_to_save_is_told_once_and_its_end_as_well(
    path: Path, plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "labioc.autosave")
    path.mkdir(parents=True)

    async def live() -> None:
        group = PlantIoc(PREFIX, plant)
        autosave = Autosave(group, path)
        for number in range(6):
            if number == 3:
                remove(path)
            autosave.start()
            group.point("temperature").change_limit("LOW", float(number))
            await autosave.stop()

    asyncio.run(live())
    assert [r.getMessage().partition(str(path))[::2] for r in caplog.records] == [
        ("settings not saved to ", ": it is a directory, not a file"),
        ("settings saved to ", " again"),
    ]


async def test_what_is_unknown_is_carried_on(path: Path, plant: Plant) -> None:
    saved = {
        "Gone": {"HIHI": 1.0},
        "Temperature": {"HIHI": 2.0, "NOFIELD": 3, "NAME": "x"},
        "Target": {"VAL": 99.0},
    }
    write_atomically(path, json.dumps({"version": 1, "settings": saved}))
    group = PlantIoc(PREFIX, plant)
    autosave = Autosave(group, path)
    assert autosave.restore() == 1
    group.point("temperature").change_limit("LOLO", -5.0)
    autosave.touch()
    await autosave.stop()
    saved["Temperature"]["LOLO"] = -5.0
    assert settings_of(path) == saved
    assert plant.writes == []
    assert group.point("goal").value != 99.0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
names = st.sampled_from(["Temperature", "Cycles", "Mode", "Target", "Scan:Main:Period", "Nothing"])
fields = st.sampled_from(
    ["VAL", "HIHI", "HHSV", "HYST", "PREC", "DESC", "ONSV", "MDEL", "PROC", "X"]
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(names, st.dictionaries(fields, json_values)))
def test_any_saved_value_is_restored_or_refused(path: Path, saved: dict[str, Any]) -> None:
    async def restore() -> None:
        write_atomically(path, json.dumps({"version": 1, "settings": saved}))
        plant = Plant()
        group = PlantIoc(PREFIX, plant)
        autosave = Autosave(group, path)
        autosave.restore()
        assert plant.writes == []
        assert 0.02 <= group.poller(PlantIoc.main).period <= 86400
        json.loads(autosave.content(), parse_constant=pytest.fail)
        await group.stop()

    asyncio.run(restore())


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(st.sampled_from(["HIHI", "HIGH", "LOW", "LOLO"]), st.floats()),
    st.floats(0, 1e9),
)
def test_limits_come_back_as_they_were(
    path: Path, limits: dict[str, float], hysteresis: float
) -> None:
    async def round_trip() -> None:
        group = PlantIoc(PREFIX, Plant())
        for name, value in limits.items():
            group.point("temperature").change_limit(name, value)
        group.point("temperature").change_limit("HYST", hysteresis)
        write_atomically(path, Autosave(group, path).content())
        other = PlantIoc(PREFIX, Plant())
        assert Autosave(other, path).restore() == len(limits) + 1
        one, two = (setting_fields(g.point("temperature")) for g in (group, other))
        assert repr(one) == repr(two)

    asyncio.run(round_trip())
