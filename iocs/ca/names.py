"""Names as clients write them: record, field, long-string mark and filters."""

from __future__ import annotations

from dataclasses import dataclass

from .filters import Filters, parse_filters

MAX_NAME = 500
"""Characters of a name with field and filters; longer ones name nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """``RECORD[.FIELD][$][{filters}]`` taken apart; ``field`` is "VAL" where none is named."""

    record: str
    field: str = "VAL"
    long_text: bool = False
    filters: Filters | None = None


def parse_address(name: str) -> Address:
    """Take a name apart; raises ValueError if its filters are not understood."""
    record, dot, rest = name.partition(".")
    if not dot:
        return Address(name)
    if len(name) > MAX_NAME:
        raise ValueError(f"a name of {len(name)} characters")
    start = min((i for i in (rest.find("{"), rest.find("[")) if i >= 0), default=len(rest))
    field, filters = rest[:start], rest[start:]
    return Address(
        record,
        field.removesuffix("$") or "VAL",
        field.endswith("$"),
        parse_filters(filters) if filters else None,
    )
