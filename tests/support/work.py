"""Counts what a server does instead of timing it: the same on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any


@dataclass(slots=True)
class Work:
    """Instructions that Python carried out in the modules that are looked at."""

    instructions: int = 0


@contextmanager
def counted(*modules: str, but: frozenset[str] = frozenset()) -> Iterator[Work]:
    """Count the instructions of files whose path holds one of `modules`, but these functions'.

    Walks that C code does on its own (`x in list`) do not count, unless they call Python.
    """

    @cache
    def wanted(code: CodeType) -> bool:
        return code.co_name not in but and any(module in code.co_filename for module in modules)

    work = Work()
    with _monitored(work, wanted) if sys.version_info >= (3, 12) else _traced(work, wanted):
        yield work
    assert work.instructions, f"no code of {modules} was seen"


@contextmanager
def _monitored(work: Work, wanted: Callable[[CodeType], bool]) -> Iterator[None]:
    """From Python 3.13 on, tracing misses what a function does when it is first called."""
    if sys.version_info >= (3, 12):
        monitoring, tool = sys.monitoring, sys.monitoring.PROFILER_ID

        def count(code: CodeType, _: int) -> object:
            if not wanted(code):
                return monitoring.DISABLE
            work.instructions += 1
            return None

        monitoring.use_tool_id(tool, __name__)
        monitoring.register_callback(tool, monitoring.events.INSTRUCTION, count)
        monitoring.restart_events()
        monitoring.set_events(tool, monitoring.events.INSTRUCTION)
        try:
            yield
        finally:
            monitoring.set_events(tool, monitoring.events.NO_EVENTS)
            monitoring.free_tool_id(tool)


@contextmanager
def _traced(work: Work, wanted: Callable[[CodeType], bool]) -> Iterator[None]:
    def count(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            work.instructions += 1
        return count

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        if not wanted(frame.f_code):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return count

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
