"""What can be asked of a cycler without changing anything in it.

Channels are counted from 0, as on the wire; errors name them from 1, as the vendor's screens do.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeVar

from ..core.errors import BadReply, Blocked, DriverError, OutOfRange
from .errors import CyclerRefused
from .exchange import Question
from .login import LoginReply
from .protocol import DecodeError, Frame
from .queries import ChannelsInfo, GetSerial, SerialReply
from .reading import ChannelReading
from .records import ChannelsInfoReply
from .results import DataResult, Result, SerialResult, known
from .session import Guard, Session
from .settings import MAX_CHANNELS, CyclerSettings
from .start_data import (
    GetResumeData,
    GetStartData,
    ResumeData,
    ResumeDataReply,
    StartData,
    StartDataReply,
)
from .sweep import Gathering, Sweep
from .texts import TextCache
from .words import STOPPED

QUIET = 0.5
"""Seconds without another reply after which an answer in several replies is taken for whole."""

D = TypeVar("D", StartData, ResumeData)


class Reader:
    """Reads a cycler. Constructing it never touches the wire."""

    def __init__(self, settings: CyclerSettings) -> None:
        self.settings = settings
        self.session = Session(settings, settings.url)
        self._texts = TextCache()
        self._last_error = ""
        self.stopped_since: dict[int, float] = {}
        """When each channel that is stopped was first seen stopped (monotonic, s)."""

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        return self.session.link

    @property
    def connected(self) -> bool:
        """True while the connection is open and the cycler answered its last request."""
        return self.session.connected

    @property
    def reconnects(self) -> int:
        """How often the connection was opened again after the first time."""
        return self.session.reconnects

    @property
    def exchanges(self) -> int:
        """How many requests went out, logins among them."""
        return self.session.exchanges

    @property
    def dropped(self) -> int:
        """Frames that came with a wrong checksum, or that no request waited for."""
        return self.session.dropped

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        return self._last_error

    @property
    def login(self) -> LoginReply | None:
        """What the cycler answered to the last login, also to one that it refused."""
        return self.session.login

    @property
    def refused_login(self) -> LoginReply | None:
        """The answer to a login that was refused and is not tried again yet, else None."""
        return self.session.refused_login

    @property
    def total(self) -> int | None:
        """Number of channels: as configured, else as the cycler says; None while nobody knows."""
        if self.settings.channels is not None:
            return self.settings.channels
        return None if self.login is None else min(self.login.channels, MAX_CHANNELS)

    async def log_in(self) -> LoginReply:
        """Open the connection and log in, if that is not done; what the cycler says of itself."""
        try:
            return await self.session.opened("log in")
        except DriverError as error:
            self.failed(error)
            raise

    async def read_sweep(self) -> Sweep:
        """All channels in one exchange, or by one reply for each (arbin-protocol.md 4.3).

        Channels that the cycler leaves out are None. Raises `LinkDown`, `NoReply`, `BadReply` or
        `Refused`.
        """
        login = await self.log_in()
        gathering = Gathering(login.channels)
        request = ChannelsInfo(extra=self.settings.extra)
        await self.ask(
            Question(
                request, lambda frame: gathering.take(frame.payload), "read all channels",
                quiet=QUIET,
            )
        )  # fmt: skip
        total = min(login.channels, MAX_CHANNELS)
        sweep = Sweep.of(gathering.replies, self.settings.channels or total, self._texts)
        self._observe(sweep.channels)
        return sweep

    async def read_channel(self, channel: int) -> ChannelReading:
        """One channel. Raises as `read_sweep`."""
        unit, asked = unit_of(channel), "read the channel"
        self.check_channel(channel, asked)
        found: list[ChannelReading] = []

        def take(frame: Frame) -> bool:
            readings = ChannelsInfoReply.decode(frame.payload).readings()
            found.extend(one for one in readings if one.channel == channel)
            if len(readings) != 1 or not found:
                raise DecodeError("the answer is not about this channel")
            return True

        request = ChannelsInfo(channel, extra=self.settings.extra)
        await self.ask(Question(request, take, asked, unit))
        self._observe(found)
        return found[0]

    async def read_serial(self) -> int:
        """The cycler's serial number. Raises `Refused` if it has none."""
        found: list[SerialReply] = []

        def take(frame: Frame) -> bool:
            found.append(SerialReply.decode(frame.payload))
            return True

        asked = "read the serial number"
        await self.ask(Question(GetSerial(), take, asked))
        self.check_result(found[0].result, SerialResult, asked)
        return found[0].serial

    async def read_start_data(self, channels: Sequence[int]) -> tuple[StartData, ...]:
        """What channels could start with: schedule, test names, steps."""
        asked = "read start data"
        found: list[StartData] = []

        def take(frame: Frame) -> bool:
            found.extend(StartDataReply.decode(frame.payload).channels)
            return True

        request = GetStartData(self.named(channels, asked))
        await self.ask(Question(request, take, asked, units_of(channels)))
        return self._sorted(found, channels, asked)

    async def read_resume_data(self, channels: Sequence[int]) -> tuple[ResumeData, ...]:
        """What channels could resume: test, schedule, the point where it stopped."""
        asked = "read resume data"
        found: list[ResumeData] = []

        def take(frame: Frame) -> bool:
            found.extend(ResumeDataReply.decode(frame.payload).channels)
            return True

        request = GetResumeData(self.named(channels, asked))
        await self.ask(Question(request, take, asked, units_of(channels)))
        return self._sorted(found, channels, asked)

    async def close(self) -> None:
        """Close the link. Writes nothing to the cycler."""
        await self.session.close()

    # -- for those who build on it

    def failed(self, error: DriverError) -> None:
        """Remember an error."""
        self._last_error = str(error)

    def check_channel(self, channel: int, asked: str) -> None:
        """Raises `OutOfRange` for a channel that there is not."""
        total = self.total if self.total is not None else MAX_CHANNELS
        if not 0 <= channel < total:
            detail = f"channel index {channel} is not from 0 to {total - 1}"
            raise OutOfRange(self.link, "", asked, detail)

    def blocked(self, unit: str, asked: str, reason: str) -> Blocked:
        """The error for what the driver itself does not let out; remembered."""
        error = Blocked(self.link, unit, asked, reason)
        self.failed(error)
        return error

    async def ask(self, question: Question, guard: Guard | None = None) -> None:
        try:
            await self.session.ask(question, guard)
        except DriverError as error:
            self.failed(error)
            raise

    def named(self, channels: Sequence[int], asked: str) -> tuple[int, ...]:
        for channel in channels:
            self.check_channel(channel, asked)
        return tuple(channels)

    def _sorted(self, found: list[D], channels: Sequence[int], asked: str) -> tuple[D, ...]:
        """One element for each channel, in the order of asking. Raises `BadReply`, `Refused`."""
        by_channel = {one.channel: one for one in found}
        if len(found) != len(by_channel) or set(by_channel) != set(channels):
            unit, detail = units_of(channels), "the answer is about other channels"
            raise BadReply(self.link, unit, asked, detail)
        for one in found:
            # what older cyclers say of success is not documented: only what is known to be bad is
            if known(DataResult, one.result):
                self.check_result(one.result, DataResult, asked, unit_of(one.channel))
        return tuple(by_channel[channel] for channel in channels)

    def check_result(self, code: int, results: type[Result], asked: str, unit: str = "") -> None:
        if code != 0:
            error = CyclerRefused(self.link, unit, asked, results, code)
            self.failed(error)
            raise error

    def _observe(self, readings: Sequence[ChannelReading | None]) -> None:
        now = time.monotonic()
        for one in readings:
            if one is None:
                continue
            if one.status in STOPPED and not one.comm_failure:
                self.stopped_since.setdefault(one.channel, now)
            else:
                self.stopped_since.pop(one.channel, None)


def unit_of(channel: int) -> str:
    """A channel as errors name it: counted from 1."""
    return f"channel {channel + 1}"


def units_of(channels: Sequence[int]) -> str:
    """Some channels as errors name them."""
    if len(channels) == 1:
        return unit_of(channels[0])
    return f"channels {', '.join(str(channel + 1) for channel in channels)}"
