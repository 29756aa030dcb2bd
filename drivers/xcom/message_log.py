"""The alarm log of the gateway: read when it says that there is something new.

Source: xcom-protocol.md 10.1.
"""

from __future__ import annotations

from collections import deque

from ..core.errors import BadReply, Refused
from .addresses import GATEWAY
from .conversation import Conversation, Target
from .frame import DecodeError, FrameFlags
from .health import device_name
from .messages import NEWEST, Message, decode_message
from .protocol import ErrorCode, ObjectType, Property

_SIZE = 18
_MOST_AT_ONCE = 50
_NOT_SUPPORTED = (
    ErrorCode.SERVICE_NOT_SUPPORTED,
    ErrorCode.TYPE_NOT_SUPPORTED,
    ErrorCode.OBJECT_NOT_SUPPORTED,
)
_NO_MESSAGE = (ErrorCode.OBJECT_ID_NOT_FOUND, ErrorCode.READ_PROPERTY_FAILED)


class MessageLog:
    """The newest messages of a gateway; `keep` is how many."""

    def __init__(self, conversation: Conversation, keep: int = 10) -> None:
        self._conversation = conversation
        self._keep = keep
        self._known: deque[Message] = deque(maxlen=keep)
        self._read_on = -1
        self._unfinished = False
        self._unsupported_on = 0

    @property
    def pending(self) -> bool:
        """True while the gateway says that there is a message nobody has read."""
        return bool(self._conversation.flags & FrameFlags.MESSAGE_PENDING)

    @property
    def newest_first(self) -> tuple[Message, ...]:
        """The messages that were read, at most `keep`."""
        return tuple(self._known)

    @property
    def supported(self) -> bool:
        """False once the gateway said, on this connection, that it has no messages to read."""
        return self._unsupported_on != max(1, self._conversation.link.opens)

    async def read_new(self) -> tuple[Message, ...]:
        """The messages since the last call, the newest first: at first, those that are kept.

        Nothing is asked unless the gateway says that there is something, or the link is new. To
        read the newest message clears the pending flag; it changes nothing else.
        Raises `LinkDown`, `NoReply`, `BadReply` or `Refused`.
        """
        link = self._conversation.link
        news = self.pending or self._unfinished or self._read_on != link.opens
        if not self.supported or not news:
            return ()
        # to read the newest clears the flag, so that a failure after it has to be remembered
        self._unfinished = True
        new = await self._read_back()
        self._unfinished = False
        self._read_on = link.opens
        for message in reversed(new):
            self._known.appendleft(message)
        return new

    async def _read_back(self) -> tuple[Message, ...]:
        """From the newest back to the newest that is known."""
        known = self._known[0].identity if self._known else None
        most = _MOST_AT_ONCE if known else self._keep
        new: list[Message] = []
        while len(new) < most:
            message = await self._read_one(len(new))
            if message is None or message.identity == known:
                break
            new.append(message)
            # that of the newest: of older ones it may be how many are left
            most = min(most, new[0].total)
        return tuple(new)

    async def _read_one(self, index: int) -> Message | None:
        """The newest message or an older one; None if there is none."""
        asked = "read the newest message" if index == NEWEST else f"read message {index}"
        target = Target(GATEWAY, ObjectType.MESSAGE, index, Property.NONE, asked)
        try:
            data = await self._conversation.read(target, reply=_SIZE)
        except Refused as error:
            if error.code in _NOT_SUPPORTED:
                self._unsupported_on = self._conversation.link.opens
            elif error.code not in _NO_MESSAGE:
                raise
            return None
        try:
            message = decode_message(data)
        except DecodeError as error:
            where = (self._conversation.link.name, device_name(GATEWAY), asked)
            raise BadReply(*where, str(error)) from error
        # an empty log is told by a total of 0
        return message if message.total else None
