from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.errors import BadUrl
from drivers.core.url import (
    EXAMPLES,
    CanUrl,
    Defaults,
    LinkUrl,
    ListenUrl,
    SerialLine,
    SerialUrl,
    TcpUrl,
    UdpUrl,
    parse_link,
)

_ports = st.integers(1, 65535)
_hosts = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
_devices = st.from_regex(r"(/[A-Za-z0-9_.:-]{1,12}){1,4}", fullmatch=True)
_lines = st.builds(
    SerialLine,
    st.integers(50, 4_000_000),
    st.sampled_from(["N", "E", "O"]),
    st.sampled_from([7, 8]),
    st.sampled_from([1, 2]),
)
_bitrates = st.none() | st.integers(1_000, 1_000_000)
_interfaces = st.from_regex(r"[a-z]{1,4}[0-9]{1,3}", fullmatch=True)
_urls = st.one_of(
    st.builds(TcpUrl, _hosts, _ports, st.booleans()),
    st.builds(SerialUrl, _devices, _lines),
    st.builds(UdpUrl, _hosts, _ports, st.none() | _ports),
    st.builds(ListenUrl, st.just("") | _hosts, _ports),
    st.builds(CanUrl, st.just("socketcan"), _interfaces, bitrate=_bitrates),
    st.builds(CanUrl, st.just("slcan"), _devices, bitrate=_bitrates),
    st.builds(CanUrl, st.just("socketcand"), _interfaces, _hosts, _ports),
)


@given(_urls)
def test_every_url_round_trips_through_its_text(url: LinkUrl) -> None:
    assert parse_link(str(url)) == url


@given(
    st.text()
    | st.sampled_from(sorted(EXAMPLES)).flatmap(lambda s: st.text().map((s + "://").__add__))
)
def test_any_text_is_a_url_or_a_bad_url(text: str) -> None:
    try:
        url = parse_link(text, Defaults(port=502))
    except BadUrl:
        return
    assert parse_link(str(url)) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("tcp://host:502", TcpUrl("host", 502)),
        ("tcp://10.0.0.7", TcpUrl("10.0.0.7", 1502)),
        ("tcp://[fe80::1%eth0]:502", TcpUrl("fe80::1%eth0", 502)),
        ("tcp://[::1]", TcpUrl("::1", 1502)),
        ("rtu+tcp://host:4001", TcpUrl("host", 4001, rtu=True)),
        ("serial:///dev/ttyUSB0", SerialUrl("/dev/ttyUSB0", SerialLine(115200, "E", 8, 1))),
        (
            "serial:///dev/ttyUSB0?baud=9600&parity=n&bits=8&stop=2",
            SerialUrl("/dev/ttyUSB0", SerialLine(9600, "N", 8, 2)),
        ),
        ("udp://host:4002?bind=4001", UdpUrl("host", 4002, 4001)),
        ("tcp-listen://:4001", ListenUrl("", 4001)),
        ("can://socketcan/can0?bitrate=125000", CanUrl("socketcan", "can0", bitrate=125000)),
        (
            "can://slcan//dev/ttyACM0?bitrate=125000",
            CanUrl("slcan", "/dev/ttyACM0", bitrate=125000),
        ),
        ("can://socketcand/host:29536/can0", CanUrl("socketcand", "can0", "host", 29536)),
        ("can://virtual/bench", CanUrl("virtual", "bench")),
        (
            "can://pcan/PCAN_USBBUS1?bitrate=250000&auto_reset=true",
            CanUrl("pcan", "PCAN_USBBUS1", bitrate=250000, options=(("auto_reset", "true"),)),
        ),
        (
            "can://slcan//dev/ttyACM0?sleep_after_open=0.5",
            CanUrl("slcan", "/dev/ttyACM0", options=(("sleep_after_open", "0.5"),)),
        ),
    ],
)
def test_urls_and_defaults(text: str, url: LinkUrl) -> None:
    defaults = Defaults(port=1502, line=SerialLine(115200, "E", 8, 1))
    assert parse_link(text, defaults) == url


@pytest.mark.parametrize("scheme", ["tcp", "udp", "tcp-listen"])
def test_a_password_in_a_link_is_refused_and_not_repeated(scheme: str) -> None:
    with pytest.raises(BadUrl, match="a link has no user and no password") as caught:
        parse_link(f"{scheme}://somebody:secret@10.0.0.1:502")
    assert f"'{scheme}://...@10.0.0.1:502'" in str(caught.value)
    assert "somebody" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "bad_part"),
    [
        ("", "must start with"),
        ("host:502", "must start with"),
        ("http://host", "must start with"),
        ("tcp://", "host is missing"),
        ("tcp://:502", "host is missing"),
        ("tcp://host", "port is missing"),
        ("tcp://host:", "port ''"),
        ("tcp://host:0", "port '0'"),
        ("tcp://host:65536", "port '65536'"),
        ("tcp://host:\uff15", "port '\uff15'"),
        ("tcp://ho st:1", "host 'ho st'"),
        ("tcp://::1:502", "needs brackets"),
        ("tcp://[zz]:502", "'[zz]:502'"),
        ("tcp://host:502?retries=3", "unknown option 'retries'"),
        ("tcp://host:502/path", "port '502/path'"),
        ("serial://", "device ''"),
        ("serial://dev/ttyS0", "device 'dev/ttyS0'"),
        ("serial:///dev/ttyS0?baud=fast", "baud 'fast'"),
        ("serial:///dev/ttyS0?baud=9600&baud=9600", "'baud' is given twice"),
        ("serial:///dev/ttyS0?parity=X", "parity 'X'"),
        ("serial:///dev/ttyS0?bits=9", "bits '9'"),
        ("serial:///dev/ttyS0?stop=3", "stop '3'"),
        ("serial:///dev/ttyS0?baud", "option 'baud'"),
        ("udp://host:1?bind=x", "bind 'x'"),
        ("can://p can/x", "backend 'p can'"),
        ("can://pcan", "channel ''"),
        ("can://socketcand/host/can0?bitrate=125000", "unknown option 'bitrate'"),
        ("can://slcan//dev/ttyACM0?speed=9600", "unknown option 'speed'"),
        ("can://slcan//dev/ttyACM0?sleep_after_open=soon", "sleep_after_open 'soon'"),
        ("can://socketcan/", "interface ''"),
        ("can://slcan/ttyACM0", "device 'ttyACM0'"),
        ("can://socketcan/can0?bitrate=1", "bitrate '1'"),
    ],
)
def test_a_bad_url_names_the_bad_part_and_an_example(text: str, bad_part: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse_link(text)
    assert bad_part in str(caught.value)
    assert f"for example {caught.value.example}" in str(caught.value)
    parse_link(caught.value.example)


def test_port_zero_is_for_servers_only() -> None:
    assert parse_link("tcp://127.0.0.1:0", any_port=True) == TcpUrl("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        (SerialLine(9600, "N", 8, 1), 10),
        (SerialLine(9600, "E", 8, 1), 11),
        (SerialLine(9600, "O", 7, 2), 11),
        (SerialLine(9600, "E", 8, 2), 12),
    ],
)
def test_character_time_counts_all_bits(line: SerialLine, bits: int) -> None:
    assert line.bits_per_character == bits
    assert line.character_time == pytest.approx(bits / 9600)
