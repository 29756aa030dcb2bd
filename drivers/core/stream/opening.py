"""Open the stream that a URL names."""

from __future__ import annotations

from ..errors import BadUrl
from ..url import EXAMPLES, LinkUrl, SerialUrl, TcpUrl, UdpUrl
from .base import ByteStream
from .serial_stream import SerialStream
from .tcp_stream import open_tcp
from .udp_stream import open_udp


async def open_stream(url: LinkUrl) -> ByteStream:
    """Open a serial line, a TCP connection or a UDP socket.

    Raises OSError with the reason, and `BadUrl` for a URL that names something else.
    """
    if isinstance(url, SerialUrl):
        return SerialStream(url)
    if isinstance(url, UdpUrl):
        return await open_udp(url)
    if isinstance(url, TcpUrl) and not url.rtu:
        return await open_tcp(url)
    raise BadUrl(str(url), "plain bytes need serial://, tcp:// or udp://", EXAMPLES["tcp"])
