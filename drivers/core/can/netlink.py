"""What the Linux kernel says of a CAN interface: is it there, is it up, at which bit rate.

Asked by rtnetlink (RTM_GETLINK); constants of linux/rtnetlink.h, linux/if_link.h and
linux/can/netlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

_RTM_NEWLINK, _RTM_GETLINK, _NLM_F_REQUEST, _NLMSG_ERROR = 16, 18, 1, 2
_IFF_UP = 1
_IFLA_LINKINFO, _IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_CAN_BITTIMING = 18, 1, 2, 1
_HEADER = struct.Struct("=LHHLL")
_IFINFO = struct.Struct("=BxHiII")


@dataclass(frozen=True, slots=True)
class InterfaceState:
    """A network interface: up or not, its kind (`can`, `vcan`, ...), bit/s if it has a bit rate."""

    up: bool
    kind: str
    bitrate: int | None


def check_interface(name: str, bitrate: int | None) -> None:
    """Raises OSError with what to do if the interface cannot be used at this bit rate."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "socketcan exists on Linux only")
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        raise OSError(errno.ENODEV, f"there is no CAN interface {name}") from None
    state = parse_link_message(_ask(index))
    rate = bitrate or state.bitrate or 125000
    setup = f"ip link set {name} up type can bitrate {rate}"
    if state.kind not in ("can", "vcan", "vxcan"):
        raise OSError(errno.ENODEV, f"{name} is not a CAN interface")
    if not state.up:
        raise OSError(errno.ENETDOWN, f"{name} is down; set it up with: {setup}")
    if bitrate and state.bitrate and bitrate != state.bitrate:
        raise OSError(
            errno.EINVAL,
            f"{name} runs at {state.bitrate} bit/s, not at {bitrate}; change it with: {setup}",
        )


def _ask(index: int) -> bytes:
    request = _IFINFO.pack(socket.AF_UNSPEC, 0, index, 0, 0)
    header = _HEADER.pack(_HEADER.size + len(request), _RTM_GETLINK, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.settimeout(1.0)
        sock.sendto(header + request, (0, 0))
        return sock.recv(65536)


def parse_link_message(message: bytes) -> InterfaceState:
    """The state in an RTM_NEWLINK message; OSError if it is an error or malformed."""
    try:
        length, kind, _, _, _ = _HEADER.unpack_from(message)
        if kind == _NLMSG_ERROR:
            number = -struct.unpack_from("=i", message, _HEADER.size)[0]
            raise OSError(number, os.strerror(number))
        if kind != _RTM_NEWLINK:
            raise OSError(errno.EPROTO, f"unexpected netlink message {kind}")
        flags = _IFINFO.unpack_from(message, _HEADER.size)[3]
        attributes = dict(_attributes(message[_HEADER.size + _IFINFO.size : length]))
        info = dict(_attributes(attributes.get(_IFLA_LINKINFO, b"")))
        timing = dict(_attributes(info.get(_IFLA_INFO_DATA, b""))).get(_IFLA_CAN_BITTIMING, b"")
    except struct.error as error:
        raise OSError(errno.EPROTO, f"malformed netlink message: {error}") from error
    name = info.get(_IFLA_INFO_KIND, b"").split(b"\0")[0].decode("ascii", "replace")
    bitrate = struct.unpack_from("=I", timing)[0] if name == "can" and len(timing) >= 4 else None
    return InterfaceState(bool(flags & _IFF_UP), name, bitrate or None)


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The netlink attributes of a block: length and type of 16 bits, aligned to 4 bytes."""
    place = 0
    while place + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, place)
        if length < 4:
            return
        yield kind & 0x3FFF, data[place + 4 : place + length]
        place += (length + 3) & ~3
