from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.cvm96.blocks import Block, plan
from drivers.cvm96.protocol import ENERGIES, QUANTITIES, Image, Quantity, is_documented

_most = st.integers(1, 62).map(lambda half: 2 * half)
_images = st.sets(st.sampled_from(Image), min_size=1)
_quantities = st.sets(st.sampled_from(QUANTITIES), min_size=1)


def _pairs(blocks: tuple[Block, ...]) -> list[tuple[int, int]]:
    return [(block.start, block.count) for block in blocks]


def _fewest(wanted: list[int], most: int) -> int:
    """How few it can be: each block begins at the first value that is left and takes all it may."""
    blocks = 0
    while wanted:
        start = wanted[0]
        reach = start
        while reach + 2 - start <= most and is_documented(reach):
            reach += 2
        wanted = [at for at in wanted if at >= reach]
        blocks += 1
    return blocks


@given(_quantities, _images, _most)
def test_blocks_are_the_fewest_that_are_allowed(
    quantities: set[Quantity], images: set[Image], most: int
) -> None:
    blocks = plan(quantities, images, most)
    wanted = sorted(image + each.offset for image in images for each in quantities)
    for block in blocks:
        assert block.start % 2 == block.count % 2 == 0
        assert 2 <= block.count <= most
        assert all(is_documented(at) for at in range(block.start, block.end))
        assert block.start in wanted
        assert block.end - 2 in wanted
    held = [at for at in wanted if any(b.start <= at and at + 2 <= b.end for b in blocks)]
    assert held == wanted
    assert sum(b.count for b in blocks) == len({at for b in blocks for at in range(b.start, b.end)})
    assert len(blocks) == _fewest(wanted, most)


def test_the_blocks_of_the_reference() -> None:
    image = plan(QUANTITIES, [Image.INSTANTANEOUS])
    assert _pairs(image) == [(0x00, 40), (0x28, 34), (0x52, 14)]
    everything = plan(QUANTITIES, Image)
    assert _pairs(everything) == [
        (start + image, count)
        for image in (0x00, 0x60, 0xC0)
        for start, count in ((0x00, 40), (0x28, 34), (0x52, 14))
    ]


def test_what_is_not_wanted_is_read_only_where_that_saves_an_exchange() -> None:
    live = [each for each in QUANTITIES if each.offset < 0x4A and not each.energy]
    assert _pairs(plan(live, [Image.INSTANTANEOUS])) == [(0x00, 40), (0x28, 34)]
    assert _pairs(plan(ENERGIES, [Image.INSTANTANEOUS])) == [(0x3C, 6), (0x56, 10)]


def test_larger_frames_of_sister_models_need_fewer_blocks_and_still_leave_the_gap_out() -> None:
    assert _pairs(plan(QUANTITIES, [Image.INSTANTANEOUS], 124)) == [(0x00, 74), (0x52, 14)]
    assert len(plan(QUANTITIES, Image, 124)) == 4
    assert len(plan(QUANTITIES, Image, 2)) == 132


@pytest.mark.parametrize("number", [0, 1, 3, 39, 125, 126, -2])
def test_a_size_that_is_no_number_of_values_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=f"max_registers {number} is not an even number from 2 to"):
        plan(QUANTITIES, Image, number)


def test_nothing_wanted_is_no_block() -> None:
    assert plan([], Image) == ()
