"""Fixtures for every test: ports and Channel Access spaces that belong to one test alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from hypothesis import settings

from tests.support.ca import CaSpace
from tests.support.ports import lease_port

# Properties are about results, not about speed; in CI a failure must come back in the next run.
settings.register_profile("labioc", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("labioc")


@pytest.fixture
def new_port() -> Iterator[Callable[[], int]]:
    """Gives a port number, free for TCP and UDP, at every call; leased until the test ends."""
    with ExitStack() as leases:
        yield lambda: leases.enter_context(closing(lease_port())).port


@pytest.fixture
def free_port(new_port: Callable[[], int]) -> int:
    """One port number, free for TCP and UDP."""
    return new_port()


@pytest.fixture
def new_ca_space() -> Iterator[Callable[[], CaSpace]]:
    """Opens one more Channel Access space at every call, for tests with several IOCs."""
    with ExitStack() as spaces:
        yield lambda: spaces.enter_context(CaSpace.open())


@pytest.fixture
def ca_space(new_ca_space: Callable[[], CaSpace]) -> CaSpace:
    """The Channel Access space of this test."""
    return new_ca_space()


@pytest.fixture
def ca_env(ca_space: CaSpace) -> dict[str, str]:
    """The environment of `ca_space`, for child processes."""
    return ca_space.env


@pytest.fixture
def in_ca_space(ca_space: CaSpace, monkeypatch: pytest.MonkeyPatch) -> CaSpace:
    """`ca_space` as the environment of the test itself, for servers that run inside it.

    caproto reads the environment when a server or client is made. libca reads it once per process,
    so it belongs in a process of its own (tests.support.libca).
    """
    for name in [name for name in os.environ if name.startswith("EPICS_")]:
        monkeypatch.delenv(name)
    for name, value in ca_space.env.items():
        monkeypatch.setenv(name, value)
    return ca_space
