"""Child processes of tests: what they say is seen, and they end with the test."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.process import PythonProcess
from tests.support.wire.until import PATIENCE

_PROGRAM = """
import os, signal, sys, time
print("arguments", *sys.argv[1:], os.environ.get("GREETING"))
print("complaint", file=sys.stderr)
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "fail" in sys.argv:
    sys.exit(3)
print("ready")
for line in sys.stdin:
    print("heard", line.strip())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(_PROGRAM)
    return tmp_path


async def test_arguments_environment_and_both_outputs(folder: Path) -> None:
    env = {**os.environ, "GREETING": "hello"}
    async with PythonProcess("program", "a b", 'c"', env=env, cwd=folder) as child:
        match = await child.line(r"^arguments (.*)")
        await child.line("complaint")
        await child.say("one\n")
        await child.line("^heard one$")
        child.end_input()
        assert await child.wait() == 0
    assert match[1] == 'a b c" hello'
    assert child.stderr == ["complaint"]


async def test_stop_gives_the_exit_code(folder: Path) -> None:
    async with PythonProcess("program", cwd=folder) as child:
        await child.line("ready")
        assert await child.stop() == -signal.SIGTERM


async def test_a_line_that_cannot_come_fails_with_all_that_was_said(folder: Path) -> None:
    async with PythonProcess("program", "fail", cwd=folder) as child:
        with pytest.raises(AssertionError, match=r"no line that matches 'ready'\n(.|\n)*complaint"):
            await child.line("ready")
        assert await child.wait() == 3


async def test_a_line_that_does_not_come_in_time_fails(folder: Path) -> None:
    async with PythonProcess("program", cwd=folder) as child:
        with pytest.raises(AssertionError, match=r"waited 0\.2 s for 'never'"):
            await child.line("never", within=0.2)


async def test_an_unexpected_end_fails_the_test(folder: Path) -> None:
    with pytest.raises(AssertionError, match=r"ended with code 3\n(.|\n)*complaint"):
        async with PythonProcess("program", "fail", cwd=folder) as child:
            await child.ended()


async def test_a_process_that_ignores_the_signal_is_killed_and_reported(folder: Path) -> None:
    async with PythonProcess("program", "deaf", cwd=folder) as child:
        await child.line("ready")
        with pytest.raises(AssertionError, match=r"still running 0\.5 s after signal 15"):
            await child.stop(within=0.5)
        assert child.returncode == -signal.SIGKILL


async def test_a_child_dies_with_a_parent_that_is_killed(folder: Path) -> None:
    (folder / "parent.py").write_text(
        "import asyncio, sys\n"
        "from tests.support.process import PythonProcess\n"
        "async def main():\n"
        f"    async with PythonProcess('program', cwd={str(folder)!r}) as child:\n"
        "        await child.line('ready')\n"
        "        print('child', child.pid)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    async with PythonProcess("parent", env=env, cwd=folder) as parent:
        grandchild = psutil.Process(int((await parent.line(r"^child (\d+)"))[1]))
        os.kill(parent.pid, signal.SIGKILL)
        await parent.wait()
        async with asyncio.timeout(PATIENCE):
            while _alive(grandchild):
                await asyncio.sleep(0.02)


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
