"""Settings as command-line flags: one each, and ``--set`` for those of more than a word."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import functools
import typing
from typing import Any, Literal

from .options import Problem, SettingsError, alternatives, read_toml, written


def add_flags(parser: argparse.ArgumentParser, settings: type) -> None:
    """A flag for every setting that a single word can express; ``--set`` takes any, as TOML."""
    hints = typing.get_type_hints(settings)
    group = parser.add_argument_group("settings of the instrument")
    for field in dataclasses.fields(settings):
        kind = hints[field.name]
        if not _one_word(kind):
            continue
        choices = _labels(kind)
        needed = field.default is dataclasses.MISSING
        default = "" if needed or field.default is None else f" (default {written(field.default)})"
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=f"setting_{field.name}",
            metavar=None if choices else field.name.upper(),
            choices=choices,
            type=functools.partial(_read_word, kind),
            required=needed and field.default_factory is dataclasses.MISSING,
            help=f"{_help(settings, field.name)}{default}".replace("%", "%%"),
        )
    group.add_argument(
        "--set",
        dest="setting_toml",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="any setting, the value written as in TOML",
    )


def _one_word(kind: Any) -> bool:
    return all(
        one in (str, int, float, bool, type(None)) or _labels(one) for one in alternatives(kind)
    )


def _labels(kind: Any) -> tuple[str, ...] | None:
    """The words that a choice is written by; None for what is no choice."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return tuple(str(member) for member in kind)
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else None


def _read_word(kind: Any, text: str) -> Any:
    """A flag's text as a value of its type; as it stands if it is none, which parse() tells."""
    for one in alternatives(kind):
        if one is bool and text in ("true", "false"):
            return text == "true"
        if one in (int, float):
            with contextlib.suppress(ValueError):
                return one(text)
    return text


def _help(settings: type, name: str) -> str:
    """The line of the dataclass's docstring that explains a setting."""
    for line in (settings.__doc__ or "").splitlines():
        head, _, rest = line.strip().partition(":")
        if head == name and rest:
            return rest.strip().rstrip(".")
    return ""


def table_from_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The table that the flags describe; raises :class:`SettingsError` for malformed ``--set``."""
    table: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if name.startswith("setting_") and name != "setting_toml" and value is not None:
            table[name.removeprefix("setting_")] = value
    problems: list[Problem] = []
    for item in arguments.setting_toml:
        try:
            table.update(read_toml(item))
        except ValueError as error:
            key, separator, _ = item.partition("=")
            hint = "" if separator else "; write KEY=VALUE"
            problems.append(Problem(f"set {key.strip()}", f"{error}{hint}"))
    if problems:
        raise SettingsError(problems)
    return table
