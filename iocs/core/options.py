"""Settings dataclasses as configuration tables and command-line flags, every mistake found at once.

A driver's settings stay a plain frozen dataclass; here they are read from TOML or flags, checked by
pydantic, and described as JSON Schema. Enum members are written by their text
(``pressure_unit = "bar"``). Types are meant: ``"5"`` and ``true`` are not numbers.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import enum
import reprlib
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union

import pydantic

S = TypeVar("S")

_STRICT: dict[Any, Any] = {
    bool: pydantic.StrictBool,
    int: pydantic.StrictInt,
    float: pydantic.StrictFloat,
    str: pydantic.StrictStr,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the key it is at (dotted) and what is wrong with it."""

    key: str
    text: str


class SettingsError(ValueError):
    """Settings with mistakes; ``problems`` lists them all."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{p.key}: {p.text}" if p.key else p.text for p in problems))
        self.problems = tuple(problems)


def model_of(settings: type) -> type[pydantic.BaseModel]:
    """A strict pydantic model with the fields of a settings dataclass."""
    hints = typing.get_type_hints(settings, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        kind = _field_type(hints[field.name])
        if field.default is not dataclasses.MISSING:
            fields[field.name] = (kind, _written(field.default))
        elif field.default_factory is not dataclasses.MISSING:
            fields[field.name] = (kind, pydantic.Field(default_factory=field.default_factory))
        else:
            fields[field.name] = (kind, ...)
    config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)
    return pydantic.create_model(settings.__name__, __config__=config, **fields)


def _field_type(kind: Any) -> Any:
    """A field's type as configuration writes it: enums by text, nested dataclasses as tables."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return Literal[tuple(str(member) for member in kind)]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return model_of(kind)
    origin = typing.get_origin(kind)
    if origin is None:
        return _STRICT.get(kind, kind)
    if origin is Literal:
        return kind
    if origin is Annotated:
        inner, *checks = typing.get_args(kind)
        return Annotated[(_field_type(inner), *checks)]
    arguments = tuple(_field_type(a) for a in typing.get_args(kind))
    if origin in (Union, types.UnionType):
        return Union[arguments]  # noqa: UP007 - built from a tuple
    return origin[arguments]


def _written(default: Any) -> Any:
    return str(default) if isinstance(default, enum.Enum) else default


def parse(settings: type[S], table: Mapping[str, Any]) -> S:
    """Make settings from a table; raises :class:`SettingsError` with every mistake in it."""
    problems: list[Problem] = []
    usable = dict(table)
    while True:
        try:
            made = _make(settings, usable)
        except SettingsError as error:
            problems += error.problems
            if not _without(settings, usable, error.problems):
                break
        else:
            if not problems:
                return made
            break
    raise SettingsError(problems)


def _without(settings: type, table: dict[str, Any], problems: Sequence[Problem]) -> bool:
    """Take the wrong keys out of a table, to find what else is wrong; False if one is needed."""
    needed = {
        field.name
        for field in dataclasses.fields(settings)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    keys = {problem.key.split(".", 1)[0] for problem in problems}
    if keys & needed or not keys <= table.keys():
        return False
    for key in keys:
        del table[key]
    return True


def _make(settings: type[S], table: Mapping[str, Any]) -> S:
    try:
        model = model_of(settings).model_validate(table)
    except pydantic.ValidationError as error:
        raise SettingsError(_problems(error, table)) from None
    return _build(settings, model)


def _problems(error: pydantic.ValidationError, table: Mapping[str, Any]) -> list[Problem]:
    """One problem per key: what pydantic says of the branches of a union is joined."""
    texts: dict[str, list[str]] = {}
    for one in error.errors(include_url=False):
        texts.setdefault(_key(one["loc"], table), []).append(_text(one))
    return [Problem(key, ", or ".join(found)) for key, found in texts.items()]


def _key(location: Sequence[int | str], table: Any) -> str:
    """Where the mistake is, dotted; without the names of types that pydantic adds for unions."""
    parts: list[str] = []
    place = table
    for part in location:
        if isinstance(place, Mapping) and isinstance(part, str):
            place = place.get(part)
        elif isinstance(place, (list, tuple)) and isinstance(part, int):
            place = place[part]
        else:
            break
        parts.append(str(part))
    return ".".join(parts)


def _text(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such key"
    if error["type"] == "missing":
        return "is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {_shown(error['input'])}"


def _shown(value: Any) -> str:
    """A value as messages show it, long ones cut."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    try:
        return short.repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"


def _build(settings: type[S], model: pydantic.BaseModel) -> S:
    hints = typing.get_type_hints(settings)
    values = {name: _value(hints[name], getattr(model, name)) for name in type(model).model_fields}
    try:
        return settings(**values)
    except ValueError as error:
        text = str(error)
        named = [name for name in values if text.startswith(f"{name} ")]
        key = named[0] if named else ""
        raise SettingsError([Problem(key, text.removeprefix(f"{key} "))]) from error


def _value(kind: Any, value: Any) -> Any:
    """A checked value as the dataclass holds it."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(member for member in kind if str(member) == value)
    if isinstance(value, pydantic.BaseModel):
        return _build(kind, value)
    arguments = typing.get_args(kind)
    if isinstance(value, (list, tuple)) and arguments:
        made = [_value(arguments[0], item) for item in value]
        return tuple(made) if isinstance(value, tuple) else made
    for inner in arguments:
        if isinstance(inner, type) and issubclass(inner, enum.Enum) and isinstance(value, str):
            return _value(inner, value)
    return value


def json_schema(settings: type) -> dict[str, Any]:
    """The JSON Schema of a settings table."""
    return model_of(settings).model_json_schema()


def add_flags(parser: argparse.ArgumentParser, settings: type) -> None:
    """A flag for every setting that a single word can express; ``--set`` takes any, as TOML."""
    hints = typing.get_type_hints(settings)
    group = parser.add_argument_group("settings of the instrument")
    for field in dataclasses.fields(settings):
        kind = _field_type(hints[field.name])
        if not _one_word(kind):
            continue
        choices = typing.get_args(kind) if typing.get_origin(kind) is Literal else None
        known = field.default not in (None, dataclasses.MISSING)
        default = f" (default {_written(field.default)})" if known else ""
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            dest=f"setting_{field.name}",
            metavar=field.name.upper() if choices is None else None,
            choices=choices,
            required=field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING,
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
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in (Union, types.UnionType):
        return all(a is type(None) or _one_word(a) for a in arguments)
    return kind in (str, int, float, bool) or typing.get_origin(kind) is Literal


def _help(settings: type, name: str) -> str:
    """The line of the dataclass's docstring that explains a setting."""
    for line in (settings.__doc__ or "").splitlines():
        head, _, rest = line.strip().partition(":")
        if head == name and rest:
            return rest.strip().rstrip(".")
    return ""


def table_from_flags(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings table that the flags describe.

    Raises :class:`SettingsError` for a malformed ``--set``.
    """
    table: dict[str, Any] = {}
    for name, value in vars(arguments).items():
        if name.startswith("setting_") and name != "setting_toml" and value is not None:
            table[name.removeprefix("setting_")] = value
    for item in arguments.setting_toml:
        key, separator, _ = item.partition("=")
        try:
            table.update(tomllib.loads(item))
        except tomllib.TOMLDecodeError as error:
            hint = "" if separator else "; write KEY=VALUE"
            raise SettingsError([Problem(key.strip(), f"{error}{hint}")]) from None
    return table
