"""Settings dataclasses as configuration tables, with every mistake found at once.

A driver's settings stay a plain frozen dataclass; here they are checked by pydantic and described
as JSON Schema; :mod:`iocs.app.flags` makes command-line flags of them. Enum members are
written by their text (``pressure_unit = "bar"``). Types are meant: ``"5"`` and ``true`` are not
numbers.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
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


@functools.cache
def model_of(settings: type) -> type[pydantic.BaseModel]:
    """A strict pydantic model with the fields of a settings dataclass."""
    hints = typing.get_type_hints(settings, include_extras=True)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        kind = _field_type(hints[field.name])
        if field.default is not dataclasses.MISSING:
            fields[field.name] = (kind, written(field.default))
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


def written(default: Any) -> Any:
    """A default as configuration writes it."""
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
    if error["type"] in ("tuple_type", "list_type"):
        return f"must be a list, such as [1, 2], not {shown(error['input'])}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {shown(error['input'])}"


def shown(value: Any) -> str:
    """A value as messages show it, long ones cut."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = 80
    try:
        return short.repr(value)
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"


def _build(settings: type[S], model: pydantic.BaseModel, place: str = "") -> S:
    """The dataclass of checked values; what its own checks refuse is named by its whole key."""
    hints = typing.get_type_hints(settings)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name in type(model).model_fields:
        try:
            values[name] = _value(hints[name], getattr(model, name), f"{place}{name}")
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    try:
        return settings(**values)
    except ValueError as error:
        text = str(error)
        key = next((name for name in values if text.startswith(f"{name} ")), "")
        whole = f"{place}{key}" if key else place.rstrip(".")
        raise SettingsError([Problem(whole, text.removeprefix(f"{key} "))]) from error


def _value(kind: Any, value: Any, place: str) -> Any:
    """A checked value as the dataclass holds it."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:  # as TOML has it
        raise SettingsError([Problem(place, f"{shown(value)} has more than 64 bits")])
    choices = alternatives(kind)
    if isinstance(value, pydantic.BaseModel):
        made_of = next(c for c in choices if getattr(c, "__name__", "") == type(value).__name__)
        return _build(made_of, value, f"{place}.")
    for choice in choices:
        if isinstance(choice, type) and issubclass(choice, enum.Enum) and isinstance(value, str):
            return next(member for member in choice if str(member) == value)
        items = typing.get_args(choice)
        if isinstance(value, (list, tuple)) and items:
            return _items(items[0], value, place)
    return value


def _items(kind: Any, values: list[Any] | tuple[Any, ...], place: str) -> Any:
    made: list[Any] = []
    problems: list[Problem] = []
    for index, item in enumerate(values):
        try:
            made.append(_value(kind, item, f"{place}.{index}"))
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return tuple(made) if isinstance(values, tuple) else made


def alternatives(kind: Any) -> tuple[Any, ...]:
    """The types that a field may have: those of a union, or the one there is."""
    if typing.get_origin(kind) is Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (Union, types.UnionType):
        return tuple(typing.get_args(kind))
    return (kind,)


def json_schema(settings: type) -> dict[str, Any]:
    """The JSON Schema of a settings table."""
    return model_of(settings).model_json_schema()


def read_toml(text: str) -> dict[str, Any]:
    """A TOML document; raises ValueError, also for what Python's parser gives up on."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("tables or lists are nested too deeply") from None
