"""Control commands of simulators: what a command is, and how its words are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Run: TypeAlias = Callable[[Sequence[str]], Awaitable[str]]

ON_OFF: Final = {"on": True, "off": False}


class CommandError(ValueError):
    """A control command that cannot be done; the text says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """One control command: `run` gets the words after its name and returns the answer's text.

    It raises `CommandError` to answer with an error.
    """

    usage: str
    help: str
    run: Run

    @property
    def name(self) -> str:
        """The word that calls it."""
        return self.usage.split()[0]


def plain(do: Callable[[], str]) -> Run:
    """A command without words of its own."""

    async def run(words: Sequence[str]) -> str:
        del words
        return do()

    return run


def echoing(do: Callable[[Sequence[str]], object]) -> Run:
    """A command that is answered with its own words once it is done."""

    async def run(words: Sequence[str]) -> str:
        do(words)
        return " ".join(words)

    return run


def switch(do: Callable[[bool], object], choices: Mapping[str, bool] = ON_OFF) -> Run:
    """A command of one word of two."""
    return echoing(lambda words: do(one_of(words, choices)))


def number(words: Sequence[str], low: float, high: float) -> float:
    """The number that is left; raises `CommandError` if it is none, or out of range."""
    try:
        (word,) = words
        value = float(word)
    except ValueError:
        raise CommandError("needs one number at its end") from None
    if not low <= value <= high:
        raise CommandError(f"{word} is not from {low:g} to {high:g}")
    return value


def one_of(words: Sequence[str], choices: Mapping[str, bool]) -> bool:
    """What the word that is left stands for; raises `CommandError`."""
    if len(words) != 1 or words[0] not in choices:
        raise CommandError(f"needs one of {', '.join(choices)} at its end")
    return choices[words[0]]
