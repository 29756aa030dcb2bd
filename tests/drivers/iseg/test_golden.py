"""Every golden frame, both ways: built by our functions byte for byte, and decoded again."""

from __future__ import annotations

import pytest

from drivers.core.can import CanFrame
from drivers.core.can.frame import wire_bits
from drivers.iseg.items import ITEMS, I
from drivers.iseg.protocol import (
    Announcement,
    Answer,
    announce,
    answer,
    broadcast,
    is_active,
    log_on,
    parse_announcement,
    parse_answer,
    read,
    read_many,
    release_text,
    write,
)
from tests.drivers.iseg.golden import load

GOLDEN = load()
CRATE_CONTROLLER = {44, 45, 46}


SENT: dict[int, CanFrame] = {
    2: log_on(5),
    3: log_on(5, False),
    4: read(5, ITEMS[I.CHANNEL_NUMBER]),
    6: read(0, ITEMS[I.MODULE_STATUS]),
    9: write(5, ITEMS[I.MODULE_CONTROL], 0x5840),
    10: write(5, ITEMS[I.MODULE_EVENTS], 0x0400),
    11: read(5, ITEMS[I.EVENT_CHANNEL_MASK], 0),
    13: write(5, ITEMS[I.VOLTAGE_RAMP], 2.5),
    19: write(5, ITEMS[I.VOLTAGE_SET], 1234.5, 2),
    20: read(5, ITEMS[I.VOLTAGE_SET], 2),
    22: write(12, ITEMS[I.CURRENT_SET], 100e-6, 7),
    23: read(12, ITEMS[I.VOLTAGE_MEASURE], 0),
    26: write(12, ITEMS[I.CONTROL], 0x0008, 3),
    27: write(12, ITEMS[I.CONTROL], 0x0000, 3),
    28: write(12, ITEMS[I.CONTROL], 0x0020, 3),
    32: write(12, ITEMS[I.EVENTS], 0xFEFE, 3),
    33: write(12, ITEMS[I.TRIP_TIME], 100, 3),
    34: write(12, ITEMS[I.TRIP_ACTION], 2, 3),
    35: write(12, ITEMS[I.INHIBIT_ACTION], 1, 3),
    37: read_many(20, ITEMS[I.VOLTAGE_MEASURE], 16, 16),
    40: read_many(20, ITEMS[I.STATUS], 0, 4),
    42: broadcast(ITEMS[I.CONTROL], 0x0008),
    43: broadcast(ITEMS[I.CONTROL], 0x0020),
    49: read(63, ITEMS[I.SERIAL_NUMBER]),
}

ANSWERS: dict[int, tuple[int, Answer]] = {
    5: (5, Answer(I.CHANNEL_NUMBER, False, None, 8)),
    7: (0, Answer(I.MODULE_STATUS, False, None, 0x7700)),
    8: (0, Answer(I.MODULE_STATUS, False, None, 0xFD0D)),
    12: (5, Answer(I.EVENT_CHANNEL_MASK, False, 0, 0x00FF)),
    14: (5, Answer(I.SUPPLY_24V, False, None, 24.125)),
    15: (5, Answer(I.TEMPERATURE, False, None, 31.75)),
    16: (5, Answer(I.SERIAL_NUMBER, False, None, 474218)),
    17: (5, Answer(I.FIRMWARE_RELEASE, False, None, b"\x05\x32\x00\x01")),
    18: (5, Answer(I.FIRMWARE_NAME, False, None, "E08F0")),
    21: (5, Answer(I.VOLTAGE_SET, False, 2, 1234.5)),
    24: (12, Answer(I.VOLTAGE_MEASURE, False, 0, -1498.75)),
    25: (12, Answer(I.CURRENT_MEASURE, False, 15, 2.5000000292152436e-08)),
    29: (12, Answer(I.STATUS, False, 3, 0x0018)),
    30: (12, Answer(I.STATUS, False, 3, 0x0088)),
    31: (12, Answer(I.EVENTS, False, 3, 0x2008)),
    36: (12, Answer(I.CURRENT_RANGE, False, 3, (1.500000013088254e-09, 1))),
    38: (20, Answer(I.VOLTAGE_MEASURE, True, 16, 250.0)),
    39: (20, Answer(I.VOLTAGE_MEASURE, True, 31, -0.25)),
    41: (20, Answer(I.STATUS, True, 3, 0x0088)),
    47: (5, Answer(0x1FFF, False, None, None)),
    48: (5, Answer(0x4120, False, 2, None)),
}


@pytest.mark.parametrize("number", GOLDEN)
def test_the_length_on_the_wire_is_exact(number: int) -> None:
    assert wire_bits(GOLDEN[number].frame) == GOLDEN[number].wire_bits


@pytest.mark.parametrize("number", SENT)
def test_what_the_master_sends(number: int) -> None:
    assert SENT[number] == GOLDEN[number].frame


@pytest.mark.parametrize("number", ANSWERS)
def test_what_a_module_answers(number: int) -> None:
    address, expected = ANSWERS[number]
    assert answer(address, expected) == GOLDEN[number].frame
    assert parse_answer(GOLDEN[number].frame.data) == expected


def test_the_announcement() -> None:
    announcement = Announcement(5, 0x77, 25)
    assert announce(announcement) == GOLDEN[1].frame
    assert parse_announcement(GOLDEN[1].frame) == announcement


def test_a_write_and_the_answer_to_its_readback_are_the_same_bytes() -> None:
    assert GOLDEN[19].frame == GOLDEN[21].frame


def test_only_the_frame_that_a_module_sends_by_itself_is_active() -> None:
    active = {number for number, one in GOLDEN.items() if is_active(one.frame.identifier)}
    assert active == {50}
    assert parse_answer(GOLDEN[50].frame.data).value == 0x6E00


def test_every_golden_frame_is_covered() -> None:
    assert {*SENT, *ANSWERS, 1, 50, *CRATE_CONTROLLER} == set(GOLDEN) == set(range(1, 51))


def test_the_release_is_shown_as_hex_digits() -> None:
    assert release_text(b"\x05\x32\x00\x01") == "05.32.00.01"
