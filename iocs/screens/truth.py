"""Looks that follow PVs: while something is not known, a widget looks as if it were bad.

Phoebus gives a property the value of the file as long as one PV of its rule is disconnected, and
again when one goes (:class:`~iocs.export.bob_values.Rule`). So the file holds the bad look, and the
case of a rule is what makes it good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iocs.export.bob_values import Color, Rule, Scalar, Value

from . import style
from .catalog import Pv


def fresh(number: int) -> str:
    """The expression for one of a rule's PVs that was read within its time."""
    return f"pvSev{number} < 3"


FRESH = fresh(0)

GOOD = "pv0 == 1 && pvSev0 == 0"
"""A Connected that says so."""

NOUGHT = "pv0 == 0 && pvSev0 == 0"
"""A PV that counts or tells of something, and has nothing to tell."""

GONE = 4
"""What stands for the WorstAlarm of an IOC that is not there: above INVALID."""

Look = dict[str, Value]
"""Properties of a widget: those of the file, and the rules that change them."""

_SHADES = (
    ("pv0 == 3", "INVALID", style.INVALID),
    ("pv0 == 2", "MAJOR", style.MAJOR),
    ("pv0 == 1", "MINOR", style.MINOR),
    (NOUGHT, "OK", style.EQUIPMENT),
)


def following(prop: str, unknown: Scalar | Color, name: str, pvs: tuple[str, ...],
              *cases: tuple[str, Scalar | Color]) -> Look:  # fmt: skip
    """A property that is `unknown` until a case holds."""
    return {prop: unknown, "rules": (Rule(name, prop, pvs, cases),)}


def hidden_while(good: str, *pvs: str) -> Look:
    """What covers or warns: it is there unless all is known to be good."""
    return following("visible", True, "Good", pvs, (good, False))


def shown_while(sure: str, *pvs: str) -> Look:
    """What tells of something: it is there only if that is known."""
    return following("visible", False, "Sure", pvs, (sure, True))


def absent(pv: Pv) -> str:
    """The expression for "not available": NaN or the last state, and no alarm (PV contract)."""
    none = f"pv0 == {len(pv.row.spec.states) - 1}" if pv.enum else "pv0 != pv0"
    return f"{none} && pvSev0 == 0"


def fitted(pv: Pv) -> Look:
    """What a device may not have is there unless it is known to have none of it."""
    return hidden_while(absent(pv), pv.name) if pv.optional else {}


def enabled_by(pv: Pv) -> Look:
    """What writes to a device works while that answers, and the part that it is for is read."""
    if not pv.row.to_device:
        return {}
    if not pv.sign:
        return following("enabled", False, "Alive", (pv.alive,), (GOOD, True))
    good = f"{GOOD} && {fresh(1)}"
    return following("enabled", False, "Alive", (pv.alive, pv.sign), (good, True))


def word_of(pv: str) -> Look:
    """The worst alarm of an IOC in a word, from its WorstAlarm."""
    return following("text", "No IOC", "Worst", (pv,), *((case, text) for case, text, _ in _SHADES))


def shade_of(pv: str) -> Look:
    """The same as a colour."""
    cases = ((case, color) for case, _, color in _SHADES)
    return following("background_color", style.DISCONNECTED, "Shade", (pv,), *cases)


def ranked(pvs: Sequence[str], number: int, missing: int, places: Mapping[str, str]) -> Look:
    """Where one of several stands that are sorted by their PVs, the highest first.

    `places` has an expression of ``rank`` for each property. `missing` stands for the value of a PV
    that is disconnected: formulas of Phoebus give it, since a rule would not be followed without
    all of its PVs.
    """
    names = tuple(f"='{pv}' >= 0 ? '{pv}' : {missing}" for pv in pvs)
    before = [f"(pv{n} {'>=' if n < number else '>'} pv{number})"
              for n in range(len(pvs)) if n != number]  # fmt: skip
    rank = f"({' + '.join(before) or '0'})"
    rules = [
        Rule(f"Place {prop}", prop, names, (("pvSev0 >= 0", place.replace("rank", rank)),), True)
        for prop, place in places.items()
    ]
    return {"rules": tuple(rules)}


def together(*looks: Look) -> Look:
    """Several looks of one widget."""
    rules = [rule for look in looks for rule in rules_of(look)]
    found: Look = {key: value for look in looks for key, value in look.items()}
    return {**found, "rules": tuple(rules)} if rules else found


def rules_of(look: Look) -> tuple[Rule, ...]:
    """The rules of a look."""
    rules = look.get("rules", ())
    assert isinstance(rules, tuple)
    return tuple(rule for rule in rules if isinstance(rule, Rule))
