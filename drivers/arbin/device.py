"""An Arbin battery cycler on the wire: what an IOC or a script holds on to."""

from __future__ import annotations

import time

from .console import AutoCalibrate, ResultReply, SendMessage, rich_message
from .control import Control
from .errors import CyclerRefused
from .exchange import Question
from .filestore import FileStore
from .messages import REPLY_TO
from .protocol import Frame
from .results import ConsoleResult, known
from .session import Session
from .settings import CyclerSettings


class Cycler(Control):
    """A cycler. Constructing it never touches the wire, closing it changes nothing.

    The link opens, and the user is logged in, with the first request; after a loss again with the
    next one. `files` are those of the cycler's computer; they share the connection unless they
    have a port of their own.
    """

    def __init__(self, settings: CyclerSettings) -> None:
        super().__init__(settings)
        same = settings.file_url == settings.url
        self._file_session = None if same else Session(settings, settings.file_url)
        self.files = FileStore(settings, self._file_session or self.session, self.failed)

    @property
    def exchanges(self) -> int:
        """How many requests went out, logins and those for files among them."""
        files = self._file_session.exchanges if self._file_session else 0
        return self.session.exchanges + files

    async def send_message(self, text: str) -> None:
        """Show a text in a window at the cycler's computer. Needs `allow_control`."""
        asked = "show a message"
        message = SendMessage(rich_message(text, time.strftime("%Y-%m-%d %H:%M:%S")))
        await self._tell(message, asked)

    async def start_calibration(self) -> None:
        """Start the calibration whose window is open there. Needs `allow_calibration`, too."""
        asked = "start the calibration"
        if not self.settings.allow_calibration:
            reason = "it is not allowed: set allow_calibration in the configuration"
            raise self.blocked("", asked, reason)
        await self._tell(AutoCalibrate(), asked)

    async def close(self) -> None:
        """Close the link. Writes nothing to the cycler."""
        if self._file_session is not None:
            await self._file_session.close()
        await super().close()

    async def _tell(self, request: SendMessage | AutoCalibrate, asked: str) -> None:
        self.check_allowed("", asked)
        found: list[ResultReply] = []

        def take(frame: Frame) -> bool:
            found.append(ResultReply.decode(REPLY_TO[request.code], frame.payload))
            return True

        question = Question(request, take, asked, writes=True)
        await self.ask(question, lambda _login: self.check_allowed("", asked))
        if known(ConsoleResult, found[0].result) is not ConsoleResult.OK:
            error = CyclerRefused(self.link, "", asked, ConsoleResult, found[0].result)
            self.failed(error)
            raise error
