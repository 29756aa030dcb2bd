"""Keep a silent unit on a shared bus from starving its neighbours."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from .backoff import CAP, FIRST, Backoff


@dataclass(frozen=True, slots=True)
class QuarantineRule:
    """When a unit is asked less often, for the sake of its neighbours on the bus.

    One that is silent, without a sign of life for `failures` requests in a row, is asked again only
    at its own back-off times (`first` to `cap` seconds), with at most `probe_timeout` seconds to
    answer. One that lives, but whose last `useless` answers were all late or garbled, is asked
    every `first` seconds. In between its reads fail at once.
    """

    failures: int = 3
    useless: int = 6
    probe_timeout: float = 0.4
    first: float = FIRST
    cap: float = CAP


class UnitHealth:
    """How one unit on a link behaves: answering, late or garbling, silent, in quarantine.

    A late or garbled answer is a failure like a missing one, but not silence.
    """

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
        self.slow = False
        """Whether its last good answer took long."""
        self._failures = 0
        self._silences = 0
        self._backoff = Backoff(self.rule.first, self.rule.cap, clock=clock)

    @property
    def failures(self) -> int:
        """Bad or missing answers in a row."""
        return self._failures

    @property
    def quarantined(self) -> bool:
        """True once the unit failed too often in a row (it matters only on a shared bus)."""
        return self._silences >= self.rule.failures or self._failures >= self.rule.useless

    @property
    def trouble(self) -> str:
        """Why it is in quarantine, in words."""
        if self._silences >= self.rule.failures:
            return f"silent for {self._silences} requests"
        return f"late or garbled in {self._failures} answers"

    @property
    def next_probe(self) -> float:
        """Seconds until the unit may be asked again, 0.0 when it may be asked now."""
        return self._backoff.remaining if self.quarantined else 0.0

    def answered(self) -> None:
        """Note a valid answer (a refusal is one)."""
        self.answering = True
        self._failures = self._silences = 0
        self._backoff.reset()

    def heard(self) -> None:
        """Note a sign of life that is no valid answer: one that came late, or is garbled."""
        self._silences = 0
        self._backoff.reset()
        if self.quarantined:
            self._backoff.failed()

    def failed(self) -> None:
        """Note a missing or bad answer. If it is a bad one of this unit, `heard` comes first."""
        self.answering = False
        self._failures += 1
        self._silences += 1
        if self.quarantined and self._backoff.remaining == 0.0:
            self._backoff.failed()

    def link_lost(self) -> None:
        """Note that the link went away: the unit cannot be blamed."""
        self.answering = False

    def link_restored(self) -> None:
        """Note that the link came back after a failure: the unit may be probed at once."""
        self._backoff.allow_now()
