"""The alarm log: a message that was announced is read, whatever goes wrong in between."""

from __future__ import annotations

import pytest

from drivers.core.errors import NoReply
from drivers.xcom.frame import Frame, FrameFlags
from drivers.xcom.messages import Message, encode_message
from drivers.xcom.protocol import (
    ErrorCode,
    Format,
    ObjectType,
    encode_value,
    error_reply_to,
    reply_to,
)
from tests.drivers.xcom.rig import at
from tests.drivers.xcom.scripted import scripted


class Log:
    """A gateway with messages, the newest first; reading the newest clears the flag."""

    def __init__(self, *types: int) -> None:
        self.messages = [Message(len(types), one, 101, 1000 - n) for n, one in enumerate(types)]
        self.pending = FrameFlags(0)
        self.mute_at: int | None = None

    def announce(self, *types: int) -> None:
        total = len(types) + len(self.messages)
        new = [Message(total, one, 101, 2000 - n) for n, one in enumerate(types)]
        self.messages = [*new, *self.messages]
        self.pending = FrameFlags.MESSAGE_PENDING

    def answer(self, request: Frame) -> bytes:
        if request.object_type != ObjectType.MESSAGE:
            value = encode_value(Format.FLOAT, 1.0)
            return reply_to(request, value, flags=self.pending).encode()
        index = request.object_id
        if index == 0:
            self.pending = FrameFlags(0)
        if index == self.mute_at:
            self.mute_at = None
            return b""
        if index >= len(self.messages):
            return error_reply_to(request, ErrorCode.OBJECT_ID_NOT_FOUND).encode()
        return reply_to(request, encode_message(self.messages[index]), flags=self.pending).encode()


@pytest.mark.parametrize("lost", [0, 1, 2])
async def test_a_lost_answer_costs_no_message(lost: int) -> None:
    log = Log(1)
    async with scripted(log.answer, retries=0) as server:
        gateway = server.gateway
        assert [m.type for m in await gateway.read_messages()] == [1]
        log.announce(20, 19)
        log.mute_at = lost
        await gateway.read_parameters(at(101, 1138))  # its answer tells that there is something
        with pytest.raises(NoReply):
            await gateway.read_messages()
        assert [m.type for m in await gateway.read_messages()] == [20, 19]
        assert [m.type for m in gateway.messages] == [20, 19, 1]
        assert await gateway.read_messages() == ()
