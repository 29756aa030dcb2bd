"""Live values of the demo: what a Channel Access client sees, judged and as a table."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iocs.app.client import Sample, Watcher

_COLOURS = {0: "32", 1: "33", 2: "31", 3: "35"}
_SEVERITIES = ("ok", "MINOR", "MAJOR", "INVALID")
_SCIENTIFIC = re.compile(r"-?\d\.\d{5,}e[+-]\d+")


@dataclass(frozen=True, slots=True)
class Watched:
    """What the demo shows of one IOC: its PVs, and the one that must keep coming."""

    name: str
    prefix: str
    show: Sequence[str]
    fresh: str


class Live:
    """The newest sample of every PV that is shown."""

    def __init__(self, iocs: Sequence[Watched], watcher: Watcher) -> None:
        self.iocs = iocs
        self._watcher = watcher
        self._known = {self._fresh(ioc): 1 for ioc in iocs}  # the first is what was there before

    def sample(self, ioc: Watched, name: str) -> Sample | None:
        return self._watcher.samples.get(ioc.prefix + name)

    @staticmethod
    def _fresh(ioc: Watched) -> str:
        return ioc.prefix + ioc.fresh

    def expect_news(self) -> None:
        """From now on only what comes anew is fresh."""
        self._known = {name: self._watcher.updates(name) for name in self._known}

    def problems(self) -> list[str]:
        """What keeps an IOC from being fresh and valid, one line each.

        Freshness is counted in updates: a busy machine makes them late, not stale.
        """
        found: list[str] = []
        for ioc in self.iocs:
            for name in {*ioc.show, ioc.fresh}:
                sample = self.sample(ioc, name)
                if sample is None:
                    found.append(f"{ioc.prefix}{name}: no value came")
                elif sample.severity >= len(_SEVERITIES) - 1:
                    found.append(f"{ioc.prefix}{name}: the value is INVALID")
            if self._watcher.updates(self._fresh(ioc)) <= self._known[self._fresh(ioc)]:
                found.append(f"{self._fresh(ioc)}: no new value came")
        return sorted(found)

    def lines(self, colour: bool) -> list[str]:
        """A head, and one line per PV: name, value with units, alarm, time of its last change."""
        width = max(len(i.prefix + n) for i in self.iocs for n in i.show)
        rows = [f"{'PV':<{width}}  {'value':<28} {'alarm':<7} changed"]
        for ioc in self.iocs:
            rows.append("")
            rows.extend(
                _line(ioc.prefix + name, width, self.sample(ioc, name), colour) for name in ioc.show
            )
        return rows


def _line(pvname: str, width: int, sample: Sample | None, colour: bool) -> str:
    if sample is None:
        return f"{pvname:<{width}}  (not connected)"
    value = f"{_short(sample.text)} {sample.units}".strip()
    severity = _SEVERITIES[sample.severity]
    clock = time.strftime("%H:%M:%S", time.localtime(sample.timestamp))
    text = f"{value:<28.28} {severity:<7} {clock}"
    if colour:
        text = f"\x1b[{_COLOURS[sample.severity]}m{text}\x1b[0m"
    return f"{pvname:<{width}}  {text}"


def _short(text: str) -> str:
    """A number in scientific notation with four digits behind the point, other text as it is."""
    return f"{float(text):.4e}" if _SCIENTIFIC.fullmatch(text) else text


def frame(lines: Sequence[str], title: str, footer: Any) -> str:
    """A whole screen: cursor home, each line cleared to its end."""
    body = "\n".join(f"{line}\x1b[K" for line in [title, "", *lines, "", *footer])
    return f"\x1b[H{body}\x1b[J"
