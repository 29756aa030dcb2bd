"""The metaclass of our PVGroups: one declaration may stand for several PVs."""

from __future__ import annotations

from typing import Any

from caproto.server import PVGroup
from caproto.server.server import PVGroupMeta

from .declare import Declared, Family
from .scan import Scan
from .scan_pvs import scan_members
from .spec import DeclarationError


_INSTANCE_ATTRIBUTES = frozenset(
    "parent macros prefix alarms pvdb attr_pvdb attr_to_pvname groups states update_state name log "
    "root target feeds settings device access_rules on_settings_changed on_restart count_clients "
    "health put_queue pollers label".split()
)
"""What PVGroup and the groups of :mod:`iocs.core.group` set on themselves: no names for PVs."""


class GroupMeta(PVGroupMeta):
    """Expands families, twin PVs and scans before caproto collects the class body."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], dct: dict[str, Any], **kwargs: Any
    ) -> GroupMeta:
        for attribute, value in list(dct.items()):
            members: dict[str, Any] = {}
            if isinstance(value, Family):
                del dct[attribute]
                members = dict(value.expand(attribute))
            elif isinstance(value, Declared):
                members = dict(value.members(attribute))
            elif isinstance(value, Scan):
                value.__set_name__(object, attribute)
                members = scan_members(value)
            for key, member in members.items():
                if key in dct:
                    raise DeclarationError(f"{name}: the attribute {key} is declared twice")
                dct[key] = member
        _check_names(name, bases, dct)
        return super().__new__(mcs, name, bases, dct, **kwargs)  # type: ignore[return-value]


def _check_names(name: str, bases: tuple[type, ...], dct: dict[str, Any]) -> None:
    """Refuse attributes that hide PVGroup's own (states, parent, log ...): they would break it."""
    seen: dict[str, str] = {}
    for attribute, value in dct.items():
        if not isinstance(value, Declared):
            continue
        if attribute in _INSTANCE_ATTRIBUTES:
            raise DeclarationError(f"{name}: the attribute name {attribute!r} is taken")
        for base in bases:
            inherited = getattr(base, attribute, None)
            if inherited is not None and not isinstance(inherited, Declared):
                raise DeclarationError(f"{name}: the attribute name {attribute!r} is taken")
        if value.spec.name in seen:
            other = seen[value.spec.name]
            raise DeclarationError(
                f"{name}: {other} and {attribute} share the PV {value.spec.name}"
            )
        seen[value.spec.name] = attribute


class PVs(PVGroup, metaclass=GroupMeta):
    """A PVGroup whose class body is written with the words of :mod:`iocs.core.declare`."""
