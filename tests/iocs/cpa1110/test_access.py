"""Who may write: nobody what is read, nobody with --read-only, else whom the rules allow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.iocs.cpa1110.bench import (
    START,
    STOP,
    STOP_FRAME,
    bench,
)
from tests.iocs.cpa1110.client import Client, PutError
from tests.iocs.cpa1110.expected import running
from tests.iocs.cpa1110.rig import PREFIX, simulator
from tests.support.ca import CaSpace
from tests.support.libca import CaError
from tests.support.process import PythonProcess


async def test_readings_take_no_puts(ca_space: CaSpace) -> None:
    async with bench(ca_space) as one:
        for name in ("HighPressure", "OperatingState", "Running", "Connected", "AlarmWord"):
            error = await one.ca.put(PREFIX + name, 1)
            assert error is not None
            assert error.code == CaError.NO_WRITE_ACCESS
            assert not (await one.ca.info(PREFIX + name)).write_access
        assert one.written == []


async def test_a_read_only_ioc_refuses_every_put(ca_space: CaSpace) -> None:
    async with bench(ca_space, None, "--read-only") as one:
        for name in ("Start", "Stop", "Scan:Status:Period", "HeliumTemp.HIGH", "Ioc:SYSRESET"):
            assert not (await one.ca.info(PREFIX + name)).write_access
            error = await one.ca.put(PREFIX + name, 1)
            assert error is not None
            assert error.code == CaError.NO_WRITE_ACCESS
        async with Client(ca_space.server_port) as client:
            with pytest.raises(PutError, match=f"{START} may not be written by tester@localhost"):
                await client.put(START, 1)
        assert one.written == []


SITE = """
[[ioc]]
name = "cold"
instrument = "cpa1110"
prefix = "{prefix}"
link = "{link}"
autosave = false

[[ioc.write]]
users = ["operator"]
pvs = ["Stop"]

[[ioc.write]]
users = ["expert-*"]
hosts = ["console", "127.0.0.0/8"]

[[ioc.write]]
users = ["guest"]
hosts = ["10.1.2.0/24"]
"""


async def test_a_site_file_says_who_may_write_what(ca_space: CaSpace, tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    async with simulator(running()) as (panel, link):
        path.write_text(SITE.format(prefix=PREFIX, link=link))
        arguments = ("run", "cold", "--config", path)
        async with PythonProcess("iocs.cli", *arguments, env=ca_space.env) as process:
            await process.line(r"labioc: cold: cpa1110 on .* TCP port \d+")
            await who_may_write(ca_space.server_port)
            assert await process.stop() == 0
        assert [frame.pdu for frame in panel.requests(write=True)] == [STOP_FRAME]


async def who_may_write(port: int) -> None:
    names = [PREFIX + name for name in ("Start", "Stop", "Scan:Status:Period", "HeliumTemp.HIGH")]
    rights = {
        ("operator", "anywhere"): [False, True, False, False],
        ("expert-1", "anywhere"): [True] * 4,
        ("guest", "10.1.2.3"): [False] * 4,  # claims a host, but comes from elsewhere
        ("somebody", "console"): [False] * 4,
    }
    for (user, host), expected in rights.items():
        async with Client(port, user, host) as client:
            await client.connect(*names)
            assert [client.writable[name] for name in names] == expected, (user, host)
            if not expected[0]:
                with pytest.raises(PutError, match=f"may not be written by {user}@{host}"):
                    await client.put(START, 1)
    async with Client(port, "operator") as client:
        await client.put(STOP, 1)
    async with Client(port, "expert-2", "console") as client:
        await client.put(f"{PREFIX}Scan:Status:Period", 2.0)
