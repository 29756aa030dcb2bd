from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.core.simulation.faults import (
    FAULT_HELP,
    UNTRUE,
    BadFault,
    Fault,
    FaultBoard,
    FaultFilter,
    FaultSpec,
    parse_fault,
)
from drivers.core.simulation.modbus_device import acknowledgement, clipped


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("silent", FaultSpec(Fault.SILENT)),
        ("silent:1", FaultSpec(Fault.SILENT, count=1)),
        ("late", FaultSpec(Fault.LATE, 1.5)),
        ("late=2.5:3@writes", FaultSpec(Fault.LATE, 2.5, 3, FaultFilter.WRITES)),
        ("exception=6@reads", FaultSpec(Fault.EXCEPTION, 6, None, FaultFilter.READS)),
        ("flood=10", FaultSpec(Fault.FLOOD, 10)),
        ("wrong-transaction@all", FaultSpec(Fault.WRONG_TRANSACTION)),
    ],
)
def test_faults_are_read_as_written(text: str, spec: FaultSpec) -> None:
    assert parse_fault(text) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not of the form"),
        ("Silent", "not of the form"),
        ("deaf", "unknown fault 'deaf', known are silent"),
        ("silent:0", "at least 1"),
        ("silent=1", "silent takes no value"),
        ("late=1.2.3", "not a number"),
        ("late=1e3", "not of the form"),
        ("late=99999", "not from 0 to 3600"),
        ("exception=0", "not from 1 to 255"),
        ("silent@some", "unknown filter 'some'"),
    ],
)
def test_a_bad_fault_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(BadFault, match=words):
        parse_fault(text)


@given(st.text())
def test_any_text_is_a_fault_or_a_bad_fault(text: str) -> None:
    try:
        parse_fault(text)
    except BadFault:
        return
    assert text


def test_every_fault_is_explained() -> None:
    assert set(FAULT_HELP) == set(Fault)


def test_a_count_runs_out_and_a_filter_lets_others_pass() -> None:
    board = FaultBoard()
    spec = parse_fault("silent:2@writes")
    board.set(spec)
    assert board.hit(write=False) is None
    assert board.active == spec
    assert board.hit(write=True) == spec
    assert board.hit(write=True) == spec
    assert board.active is None
    assert board.hit(write=True) is None


@pytest.mark.parametrize("name", sorted(UNTRUE))
def test_a_device_that_does_something_else_reads_well(name: str) -> None:
    board = FaultBoard()
    spec = parse_fault(f"{name}:1")
    board.set(spec)
    assert board.hit(write=False) is None
    assert board.hit(write=True) == spec
    assert board.active is None


def test_a_modbus_write_is_acknowledged_and_clipped() -> None:
    one, many = bytes.fromhex("06 0001 00FF"), bytes.fromhex("10 0001 0002 04 0005 00FF")
    assert acknowledgement(one) == one
    assert acknowledgement(many) == bytes.fromhex("10 0001 0002")
    assert clipped(one, 10) == bytes.fromhex("06 0001 000A")
    assert clipped(many, 10) == bytes.fromhex("10 0001 0002 04 0005 000A")
    coil = bytes.fromhex("05 0001 FF00")
    assert (acknowledgement(coil), clipped(coil, 1)) == (coil, coil)


def test_a_fault_without_a_count_stays_until_cleared() -> None:
    board = FaultBoard()
    board.set(parse_fault("truncated"))
    assert all(board.hit(write=n % 2 == 0) for n in range(100))
    board.clear()
    assert board.hit(write=False) is None


def test_a_link_shows_only_what_can_happen_on_it() -> None:
    board = FaultBoard()
    board.restrict({Fault.SILENT, Fault.LATE})
    board.set(parse_fault("silent"))
    with pytest.raises(BadFault, match="possible are late, silent"):
        board.set(parse_fault("reset"))
    assert board.active == parse_fault("silent")
