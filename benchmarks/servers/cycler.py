"""A cycler that only answers, with new values each time: what it costs is next to nothing.

Run as a module: `python -m benchmarks.servers.cycler --channels 512`; prints `listening URL`. Each
answer has other numbers in every value of every channel, so that an IOC posts all of them.
"""

from __future__ import annotations

import argparse
import asyncio

import numpy as np

from drivers.arbin.files import Browse, BrowseReply, Entry
from drivers.arbin.login import Login, LoginReply
from drivers.arbin.messages import decode_request, encode_reply
from drivers.arbin.protocol import Code, Direction, FrameStream, frame
from drivers.arbin.queries import ChannelsInfo
from drivers.arbin.reading import AuxValue, ChannelReading, ChannelTexts
from drivers.arbin.records import RECORD, encode_records
from drivers.arbin.words import AuxKind, Status

VALUES = (
    "test_time", "step_time", "voltage", "current", "power", "charge_capacity",
    "discharge_capacity", "charge_energy", "discharge_energy", "internal_resistance",
    "voltage_rate", "acr", "aci", "aci_phase",
)  # fmt: skip
"""Those of a channel that change with each answer."""

_HEAD = 4
_AUX = 8


def readings(channels: int, *, test: str = "Cell", wired: bool) -> list[ChannelReading]:
    """Channels under test, with texts as real ones have them; if `wired`, two aux values each."""
    one = (AuxValue(25.0),) if wired else ()
    return [
        ChannelReading(
            n,
            Status.CHARGE,
            master=n,
            texts=ChannelTexts(
                "Rest+207855.sdx", f"{test} {n:03d} run 7", "N/A", "[12] 4: Step_D, Current(A)",
                f"B{n:06d}",
            ),
            aux=(one, one, *((),) * (len(AuxKind) - 2)),
        )
        for n in range(channels)
    ]  # fmt: skip


class Answers:
    """The replies of such a cycler."""

    def __init__(self, channels: int) -> None:
        self._payload = bytearray(encode_records(readings(channels, wired=True)))
        stride = RECORD.itemsize + 2 * _AUX
        self._fixed: np.ndarray = np.ndarray((channels,), RECORD, self._payload, _HEAD, (stride,))
        self._channels = channels
        self._count = 0

    def answer(self, request: object) -> bytes:
        """The bytes of a reply; none to what is not asked in a benchmark."""
        match request:
            case Login():
                return encode_reply(LoginReply(1, may_control=True, channels=self._channels))
            case ChannelsInfo():
                self._count += 1
                for name in VALUES:
                    self._fixed[name] = self._count
                return frame(Code.CHANNELS_INFO_REPLY, bytes(self._payload), Direction.REPLY)
            case Browse():
                return encode_reply(BrowseReply(1, (Entry(1, "Rest.sdx"),)))
            case _:
                return b""


async def _serve(channels: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, stream = Answers(channels), FrameStream(Direction.REQUEST)
        while data := await reader.read(1 << 16):
            for received in stream.feed(data):
                writer.write(answers.answer(decode_request(received)))
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    print(f"listening tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=512)
    asyncio.run(_serve(parser.parse_args().channels))


if __name__ == "__main__":
    main()
