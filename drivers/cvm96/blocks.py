"""Which blocks to read for some quantities: the fewest exchanges that the meter allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .protocol import FRAME_LIMIT, IMAGE_SIZE, Image, Quantity, is_documented

LARGEST_BLOCK = 124
"""The most registers in a frame of any Modbus device that are a whole number of values."""


@dataclass(frozen=True, slots=True)
class Block:
    """One read: its first register and how many there are, both even."""

    start: int
    count: int

    @property
    def end(self) -> int:
        """The register after the last one."""
        return self.start + self.count


@dataclass(frozen=True, slots=True, order=True)
class _Cost:
    """What is avoided, in this order: exchanges, blocks over two images, registers."""

    blocks: int = 0
    crossings: int = 0
    registers: int = 0


def plan(
    quantities: Iterable[Quantity], images: Iterable[Image], max_registers: int = FRAME_LIMIT
) -> tuple[Block, ...]:
    """The fewest blocks of at most `max_registers` that hold these quantities of these images.

    No block touches a register that the meter does not document (cvm96-protocol.md 5). Of
    equally few, those that keep to one image are taken, then the shortest, then the first ones as
    long as may be. Raises ValueError for a `max_registers` that is odd or not from 2 to 124.
    """
    check_max_registers(max_registers)
    wanted = sorted({image + each.offset for image in images for each in quantities})
    best: list[tuple[_Cost, tuple[Block, ...]]] = [(_Cost(), ())]
    for first in reversed(range(len(wanted))):
        choices = (
            (_plus(block, best[-1 - (last - first)][0]), -block.count, block, last)
            for last, block in _blocks_from(wanted, first, max_registers)
        )
        cost, _, block, last = min(choices, key=lambda choice: choice[:2])
        best.append((cost, (block, *best[-1 - (last - first)][1])))
    return best[-1][1]


def check_max_registers(number: int) -> None:
    """Raise ValueError unless this many registers can be asked for."""
    if number % 2 or not 2 <= number <= LARGEST_BLOCK:
        raise ValueError(f"max_registers {number} is not an even number from 2 to {LARGEST_BLOCK}")


def _blocks_from(
    wanted: Sequence[int], first: int, max_registers: int
) -> Iterable[tuple[int, Block]]:
    """The blocks that begin with a wanted value, each with the index of the last one it holds."""
    start = wanted[first]
    reach = start
    for last in range(first, len(wanted)):
        end = wanted[last] + 2
        if end - start > max_registers:
            return
        if not all(is_documented(address) for address in range(reach, end)):
            return
        reach = end
        yield last, Block(start, end - start)


def _plus(block: Block, rest: _Cost) -> _Cost:
    crosses = block.start // IMAGE_SIZE != (block.end - 1) // IMAGE_SIZE
    return _Cost(rest.blocks + 1, rest.crossings + crosses, rest.registers + block.count)
