"""What can go wrong between a driver and its instrument, in words an operator can act on.

Every error names the link, the unit on it, what was asked and what happened. The class says what is
known about the instrument afterwards, which is what a caller decides on:

- `LinkDown`: nothing reached the instrument.
- `NoReply`, `BadReply`: a read failed; nothing was changed.
- `Refused`: the instrument answered "no".
- `Ambiguous`: a write went out and nobody knows whether it was obeyed. Never repeated by software.
- `NotObeyed`: the write was answered, but the state of the instrument did not follow.
- `Blocked`, `OutOfRange`: the driver itself said no; nothing went out.
"""

from __future__ import annotations

from .loglines import plain

_LONGEST = 500


class DriverError(Exception):
    """Base of all errors of a driver; `str()` is one line that names link, unit, request, cause."""

    kind = "error"

    def __init__(self, link: str, unit: str, asked: str, detail: str) -> None:
        super().__init__(link, unit, asked, detail)
        self.link = link
        self.unit = unit
        self.asked = asked
        self.detail = detail

    def __str__(self) -> str:
        where = f"{self.link} {self.unit}".strip()
        return plain(f"{where}: {self.asked}: {self.kind}: {self.detail}", _LONGEST)


class LinkDown(DriverError):
    """The link cannot be opened, was lost before the request went out, or waits for a new try."""

    kind = "link down"


class NoReply(DriverError):
    """The request went out and no answer came in time (or the unit is known to be silent)."""

    kind = "no reply"


class BadReply(DriverError):
    """An answer came and is not a valid answer to this request."""

    kind = "bad reply"


class Refused(DriverError):
    """The instrument said no; `code` is its own error number, if it gave one."""

    kind = "refused by the instrument"

    def __init__(
        self, link: str, unit: str, asked: str, detail: str, code: int | None = None
    ) -> None:
        super().__init__(link, unit, asked, detail)
        self.args = (link, unit, asked, detail, code)
        self.code = code


class Ambiguous(DriverError):
    """A write went out and its answer is missing or malformed: obeyed or not, nobody knows."""

    kind = "unknown whether it was obeyed"


class NotObeyed(DriverError):
    """The instrument answered the write, but did not do it; `state` tells its state and alarms."""

    kind = "not obeyed"

    def __init__(self, link: str, unit: str, asked: str, detail: str, state: str = "") -> None:
        super().__init__(link, unit, asked, detail)
        self.args = (link, unit, asked, detail, state)
        self.state = state

    def __str__(self) -> str:
        text = super().__str__()
        return plain(f"{text} ({self.state})", 2 * _LONGEST) if self.state else text


class Blocked(DriverError):
    """The driver refused before anything went out; the detail is the reason."""

    kind = "blocked"


class OutOfRange(DriverError):
    """The value is outside its limits; nothing went out."""

    kind = "out of range"


class BadUrl(ValueError):
    """A link address that cannot be used: names the bad part and shows a right one."""

    def __init__(self, url: str, problem: str, example: str) -> None:
        super().__init__(url, problem, example)
        self.url = url
        self.problem = problem
        self.example = example

    def __str__(self) -> str:
        return f"link {self.url!r}: {self.problem}; for example {self.example}"
