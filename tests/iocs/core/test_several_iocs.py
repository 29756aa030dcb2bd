"""Several IOCs on one host: all of them are found, by broadcast and by name server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from tests.iocs.core.plant import Plant, PlantIoc, serving
from tests.support.ca import CaSpace
from tests.support.libca import CaError, Libca
from tests.support.process import PythonProcess
from tests.support.rawca import pack
from tests.support.wire.until import PATIENCE

_PREFIXES = ("A:", "B:", "C:")


@asynccontextmanager
async def three_iocs(env: dict[str, str], ports: tuple[int, ...] = ()) -> AsyncIterator[list[str]]:
    """Three IOCs with the same environment; gives the TCP port of each."""
    async with AsyncExitStack() as stack:
        iocs: list[PythonProcess] = []
        for number, prefix in enumerate(_PREFIXES):
            fixed = ("--port", str(ports[number])) if ports else ()
            process = PythonProcess("tests.iocs.core.serve_plant", prefix, *fixed, env=env)
            iocs.append(await stack.enter_async_context(process))
        yield [(await ioc.line(r"^ready on (\d+)"))[1] for ioc in iocs]


async def test_all_are_found_by_broadcast(ca_space: CaSpace) -> None:
    env = ca_space.env | {"EPICS_CA_ADDR_LIST": "127.255.255.255"}
    async with three_iocs(env) as ports, Libca(env) as ca:
        assert len(set(ports)) == 3
        for prefix, port in zip(_PREFIXES, ports, strict=True):
            assert (await ca.get(f"{prefix}Temperature")).severity == 0
            assert (await ca.info(f"{prefix}Temperature")).host.endswith(f":{port}")


async def test_all_are_found_by_name_server(ca_space: CaSpace, new_port: Callable[[], int]) -> None:
    wanted = tuple(new_port() for _ in range(3))
    servers = " ".join(f"127.0.0.1:{port}" for port in wanted)
    async with three_iocs(ca_space.env, wanted) as ports:
        assert ports == [str(port) for port in wanted]
        names_only = {"EPICS_CA_NAME_SERVERS": servers, "EPICS_CA_ADDR_LIST": ""}
        async with Libca(ca_space.env | names_only) as ca:
            for prefix in _PREFIXES:
                assert (await ca.get(f"{prefix}Pressure")).value == 1.5
                assert await ca.put(f"{prefix}Target", 12.0) is None
        nothing = {"EPICS_CA_ADDR_LIST": ""}
        async with Libca(ca_space.env | nothing) as ca:
            with pytest.raises(CaError) as caught:
                await ca.get("A:Pressure", timeout=0.5)
            assert caught.value.code == CaError.TIMEOUT  # it was the name servers that found them


async def test_ignored_hosts_get_no_answer(space: CaSpace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPICS_CAS_IGNORE_ADDR_LIST", "127.0.0.2 127.0.0.3:5064")
    request = pack(0, b"", 1, 13, 1) + pack(6, b"T:Pressure\0", 5, 13, 9, 9)
    heard: list[str] = []
    async with serving(PlantIoc("T:", Plant())):
        for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.setblocking(False)
                client.bind((host, 0))
                client.sendto(request, ("127.0.0.1", space.server_port))
                loop = asyncio.get_running_loop()
                try:
                    async with asyncio.timeout(0.5 if host != "127.0.0.4" else PATIENCE):
                        await loop.sock_recv(client, 2000)
                except TimeoutError:
                    continue
                heard.append(host)
    assert heard == ["127.0.0.4"]
