"""A refusal of the cycler, with the result that its vendor's documents have for it."""

from __future__ import annotations

from ..core.errors import Refused
from .results import Result, known, meaning_of


class CyclerRefused(Refused):
    """The cycler said no; `result` is the vendor's meaning, None for a number without one."""

    def __init__(
        self, link: str, unit: str, asked: str, results: type[Result], code: int, done: str = ""
    ) -> None:
        detail = meaning_of(results, code) + (f"; {done}" if done else "")
        super().__init__(link, unit, asked, detail, code)
        self.args = (link, unit, asked, results, code, done)
        self.result = known(results, code)
