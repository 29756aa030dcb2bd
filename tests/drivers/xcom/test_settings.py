"""Settings: what is right is taken, what is wrong is named with what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.core.errors import BadUrl
from drivers.core.url import ListenUrl, SerialLine, SerialUrl, TcpUrl, UdpUrl
from drivers.xcom.addresses import Family
from drivers.xcom.settings import XcomSettings


def test_links_have_the_defaults_of_the_product() -> None:
    assert XcomSettings("serial:///dev/ttyUSB0").url == SerialUrl(
        "/dev/ttyUSB0", SerialLine(38400, "E", 8, 1)
    )
    lan = "serial:///dev/ttyUSB0?baud=115200&parity=N"
    assert XcomSettings(lan).url == SerialUrl("/dev/ttyUSB0", SerialLine(115200, "N", 8, 1))
    assert XcomSettings("tcp-listen://").url == ListenUrl("", 4001)
    assert XcomSettings("tcp://moxa").url == TcpUrl("moxa", 4001)
    assert XcomSettings("udp://moxa").url == UdpUrl("moxa", 4002, 4001)
    assert XcomSettings("udp://moxa:4001?bind=4001").url == UdpUrl("moxa", 4001, 4001)


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("rtu+tcp://moxa:4001", "needs serial://, tcp-listen://, udp:// or tcp://"),
        ("can://socketcan/can0", "needs serial://, tcp-listen://, udp:// or tcp://"),
        ("serial:///dev/ttyUSB0?bits=7", "needs bits=8"),
        ("tcp://", "the host is missing"),
        ("moxa:4001", "it must start with one of"),
    ],
)
def test_links_that_cannot_be(link: str, problem: str) -> None:
    with pytest.raises(BadUrl, match=problem):
        XcomSettings(link)


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("timeout", 1.9, "timeout 1.9 is not from 2 to 30"),
        ("timeout", float("nan"), "timeout nan is not from 2 to 30"),
        ("retries", 4, "retries 4 is not from 0 to 3"),
        ("gap", -0.1, "gap -0.1 is not from 0 to 5"),
        ("xtenders", 10, "xtenders 10 is not from 0 to 9"),
        ("variotracks", 16, "variotracks 16 is not from 0 to 15"),
        ("variostrings", -1, "variostrings -1 is not from 0 to 15"),
        ("max_items", 77, "max_items 77 is not from 1 to 76"),
        ("pause_minutes", 121, "pause_minutes 121 is not from 0 to 120"),
        ("flash_writes_per_day", 51, "flash_writes_per_day 51 is not from 0 to 50"),
        ("source_address", 2**32, "source_address 4.29497e.09 is not from 0"),
        ("group_writes", (100, 101), "group_writes has 101, which is none of 0, 100, 191"),
        ("guid", "407d3d61", "guid '407d3d61' is not of the form 407d3d61-2835-"),
        ("peer", "10.0.0.7", "peer is for tcp-listen:// links"),
    ],
)
def test_settings_that_cannot_be(setting: str, value: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        XcomSettings("tcp://moxa", **{setting: value})


@pytest.mark.parametrize(
    "peer", ["", "non sense", "10.0.0", "10.0.0.256", "moxa:4001", "moxa/4001", "moxa?a=b", "[::1]"]
)
def test_a_peer_is_an_address_or_a_host_name(peer: str) -> None:
    with pytest.raises(ValueError, match="is no address or host name, such as"):
        XcomSettings("tcp-listen://:4001", peer=peer)


@pytest.mark.parametrize("peer", ["10.0.0.7", "::1", "fe80::1", "moxa", "moxa-1.site.example"])
def test_a_peer_that_can_be(peer: str) -> None:
    assert XcomSettings("tcp-listen://:4001", peer=peer).peer == peer


def test_line_time_is_that_of_the_line() -> None:
    """xcom-protocol.md 15: a single FLOAT read takes 16.04 ms at 38400 8E1, 5 ms at 115200 8N1."""
    profile_a = XcomSettings("serial:///dev/ttyUSB0")
    assert profile_a.line_time(26, 30) == pytest.approx(16.04e-3, abs=1e-5)
    assert profile_a.line_time(254, 566) == pytest.approx(234.9e-3, abs=1e-4)
    assert XcomSettings("tcp://moxa").line_time(254, 566) == 0.0


def test_counts_of_devices() -> None:
    settings = XcomSettings("tcp://moxa", xtenders=2, variotracks=0)
    counts = [settings.count_of(family) for family in Family]
    assert counts == [2, 0, None, None, None]
