"""The documents name tests; each of them exists, and each trap has one."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.process import ROOT

_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_HERE = Path(__file__).parent


def existing() -> set[str]:
    return {
        name for path in _HERE.glob("test_*.py") for name in _TEST.findall(path.read_text("utf-8"))
    }


def rows(document: str) -> dict[int, str]:
    """The numbered rows of a document's tables."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = re.findall(r"^\| (\d+) \|(.*)\|$", text, re.MULTILINE)
    return {int(number): row for number, row in found}


STOREYS = ("ca", "record", "device", "app")


def test_every_claim_of_the_contract_is_numbered_and_pinned() -> None:
    claims = rows("reference/pv-contract.md")
    assert list(claims) == list(range(1, 43))
    for number, row in claims.items():
        named = set(re.findall(r"`(test_\w+)`", row))
        assert named, f"claim {number} names no test"
        assert named <= existing(), f"claim {number}: {named - existing()} do not exist"


def test_every_trap_is_owned_and_pinned() -> None:
    traps = rows("explanation/caproto.md")
    assert list(traps) == list(range(1, 23))
    for number, row in traps.items():
        owners = re.findall(r"`(\w+)\.py`", row)
        assert owners, f"trap {number} has no owner"
        for owner in owners:
            files = [ROOT / "iocs" / storey / f"{owner}.py" for storey in STOREYS]
            assert any(file.is_file() for file in files), f"trap {number}: {owner}"
        assert any(name.startswith(f"test_trap_{number:02d}_") for name in existing()), number
