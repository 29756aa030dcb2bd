"""Keep a silent unit on a shared bus from starving its neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .backoff import CAP, FIRST, Backoff


@dataclass(frozen=True, slots=True)
class QuarantineRule:
    """When a unit counts as silent and how it is probed.

    After `failures` bad or missing answers in a row, a unit that shares its bus is asked again only
    at its own back-off times (`first` to `cap` seconds), with at most `probe_timeout` seconds to
    answer. In between its reads fail at once.
    """

    failures: int = 3
    probe_timeout: float = 0.4
    first: float = FIRST
    cap: float = CAP


class UnitHealth:
    """How one unit on a link behaves: answering, silent, or in quarantine."""

    def __init__(
        self,
        name: str,
        rule: QuarantineRule | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.rule = rule or QuarantineRule()
        self.answering = False
        self._failures = 0
        self._backoff = Backoff(self.rule.first, self.rule.cap, clock=clock)

    @property
    def failures(self) -> int:
        """Bad or missing answers in a row."""
        return self._failures

    @property
    def quarantined(self) -> bool:
        """True once the unit failed too often in a row (it matters only on a shared bus)."""
        return self._failures >= self.rule.failures

    @property
    def next_probe(self) -> float:
        """Seconds until the unit may be asked again, 0.0 when it may be asked now."""
        return self._backoff.remaining if self.quarantined else 0.0

    def answered(self) -> None:
        """Note a valid answer (a refusal is one)."""
        self.answering = True
        self._failures = 0
        self._backoff.reset()

    def failed(self) -> None:
        """Note a missing or bad answer."""
        self.answering = False
        self._failures += 1
        if self.quarantined:
            self._backoff.failed()

    def link_lost(self) -> None:
        """Note that the link went away: the unit cannot be blamed."""
        self.answering = False

    def link_restored(self) -> None:
        """Note that the link came back after a failure: the unit may be probed at once."""
        self._backoff.allow_now()
