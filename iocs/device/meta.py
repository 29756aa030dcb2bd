"""The metaclass of our PVGroups: one declaration may stand for several PVs."""

from __future__ import annotations

from typing import Any

from caproto.server import PVGroup
from caproto.server.server import PVGroupMeta

from iocs.record.spec import DeclarationError

from .declared import Declared, Family, Internal
from .scan import Scan
from .scan_pvs import scan_members

_OF_PVGROUP = {"parent", "macros", "prefix", "alarms", "pvdb", "attr_pvdb", "attr_to_pvname"}
_OF_PVGROUP |= {"groups", "states", "update_state", "name", "log"}
_OF_GROUP = {"root", "target", "may_grow", "feeds", "settings", "parts", "pollers", "upstream"}
_OF_GROUP |= {"device", "access_rules", "on_settings_changed", "on_restart", "count_clients"}
_OF_GROUP |= {"on_growth", "health", "put_queue", "label", "all_pollers"}
_INSTANCE_ATTRIBUTES = _OF_PVGROUP | _OF_GROUP
"""What PVGroup and the groups of :mod:`iocs.device.group` set on themselves: no names for PVs."""


PART_CONNECTED = "part_connected"
"""The attribute by which a part has a Connected of its own, that the IOC posts to."""


class GroupMeta(PVGroupMeta):
    """Expands families, twin PVs and scans before caproto collects the class body."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], dct: dict[str, Any], **kwargs: Any
    ) -> GroupMeta:
        expanded: dict[str, Any] = {}
        for attribute, value in dct.items():
            members: dict[str, Any] = {}
            if isinstance(value, Family):
                members = dict(value.expand(attribute))
            elif isinstance(value, Declared):
                members = {attribute: value, **value.members(attribute)}
            elif isinstance(value, Scan):
                value.__set_name__(object, attribute)
                members = {attribute: value, **scan_members(value)}
            else:
                members = {attribute: value}
            for key, member in members.items():
                if key in expanded or (key in dct and key != attribute):
                    raise DeclarationError(f"{name}: the attribute {key} is declared twice")
                expanded[key] = member
        _check_names(name, bases, expanded)
        return super().__new__(mcs, name, bases, expanded, **kwargs)  # type: ignore[return-value]


def _check_names(name: str, bases: tuple[type, ...], dct: dict[str, Any]) -> None:
    """Refuse attributes that hide PVGroup's own (states, parent, log ...): they would break it.

    A PV has one declaration, and one that the IOC itself posts to is not declared again: two would
    post to it.
    """
    inherited: dict[str, Declared] = {}
    for base in bases:
        inherited |= getattr(base, "_pvs_", {})
    seen = {one.spec.name: key for key, one in inherited.items() if key not in dct}
    for attribute, value in dct.items():
        if not isinstance(value, Declared):
            continue
        if attribute in _INSTANCE_ATTRIBUTES:
            raise DeclarationError(f"{name}: the attribute name {attribute!r} is taken")
        for base in bases:
            hidden = getattr(base, attribute, None)
            if hidden is not None and not isinstance(hidden, Declared):
                raise DeclarationError(f"{name}: the attribute name {attribute!r} is taken")
        before = inherited.get(attribute)
        if isinstance(before, Internal) or (
            attribute == PART_CONNECTED and not isinstance(value, Internal)
        ):
            posted = value if before is None else before
            raise DeclarationError(
                f"{name}: {attribute} cannot be declared so: the IOC itself posts to"
                f" {posted.spec.name}"
            )
        if value.spec.name in seen:
            other = seen[value.spec.name]
            raise DeclarationError(
                f"{name}: {other} and {attribute} share the PV {value.spec.name}"
            )
        seen[value.spec.name] = attribute


class PVs(PVGroup, metaclass=GroupMeta):
    """A PVGroup whose class body is written with the words of :mod:`iocs.device.declare`."""
