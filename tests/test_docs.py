"""Every command of every page is run, in the order of the page, and says what the page shows.

A page is one session in a copy of the checkout, with a home folder, ports and a Channel Access
space of its own. `sh` and `console` blocks are run command by command; what does not end by itself
stays in a terminal of its own until the page ends. What a `console` block shows must come: numbers
may differ, those with decimals by a quarter, and `...` stands for anything. Puts that fail do not
fail a command of most clients, so an exit code other than 0 has to be told. `toml` blocks are
checked as site files, `python` blocks are run; a test among them by pytest.

A comment before a block is for this module alone:

    <!-- not run: why -->                   for the block
    <!-- not run "make test": why -->       for a command of it that begins so
    <!-- needs: caget epicscorelibs -->     not run where a program or package of that name is not
    <!-- slow -->                           left to the slow tests
    <!-- exits 1 -->                        as every command of the block does
    <!-- typed into "labioc sim" -->        the first line is input of a terminal, the others come
    <!-- Ctrl-C in "labioc run" -->         ends a terminal before the block
    <!-- instead of tcp://192.168.1.20:502: labioc sim cpa1110 --link tcp://127.0.0.1:0 -->
                                            from here on, the endpoint that this simulator opens
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.ca import CaSpace
from tests.support.checkout import check_out, without_make
from tests.support.process import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = {"sh", "console", "toml", "python"}
PROSE = {"ini", "text"}

_BLOCK = re.compile(
    r"(?P<marks>(?:^ *<!--.*-->\n+)*)^(?P<indent> *)```(?P<kind>.*)\n(?P<text>[\s\S]*?)^ *```$",
    re.MULTILINE,
)
_MARK = re.compile(r"<!-- *(?P<word>not run|needs|slow|exits|typed into|Ctrl-C in|instead of)"
                   r"(?: \"(?P<quoted>[^\"]+)\")?:? ?(?P<rest>.*?) *-->")  # fmt: skip
_STAYS = re.compile(
    r"(\S*labioc (run|sim|demo)|make demo|\S*ca(proto-)?monitor)\b(?!.*--(help|seconds))"
)
_READS = re.compile(r"\S*ca(proto-)?get\b")
_READY = re.compile(r"TCP port \d+$|^listening |In another terminal|^\S+:\S+ +\S", re.MULTILINE)
_PORT = re.compile(r"(?<=://127\.0\.0\.1:)[1-9]\d+|(?<=tcp-listen://:)\d+")
_OUTSIDE = re.compile(r"192\.168\.|/dev/tty|can/can\d")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w])")
_VALUE = re.compile(r"(?<![^\s\[])-?\d+\.\d*(?![^\s\]])")
_CITED = re.compile(r"(\w+)-protocol\.md (\d[\d., andto-]*)")
_SECTION = re.compile(r"^#+ (\d+(?:\.\d+)?) ", re.MULTILINE)
_LIMIT = 120.0  # seconds to wait for what a page shows


@dataclass(frozen=True, slots=True)
class Mark:
    """A comment before a block."""

    word: str
    quoted: str | None
    rest: str


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page; `place` is its file and line."""

    place: str
    kind: str
    text: str
    marks: tuple[Mark, ...]

    def marked(self, word: str) -> list[Mark]:
        """The marks of one kind."""
        return [mark for mark in self.marks if mark.word == word]

    def steps(self) -> Iterator[tuple[str, list[str]]]:
        """Each command with the lines that are shown for it."""
        command, shown = "", list[str]()
        for line in self.text.splitlines():
            if self.kind == "console" and line.startswith("$ "):
                if command:
                    yield command, shown
                command, shown = line[2:], []
            elif self.kind == "console" and _complete(command):
                shown.append(line)
            elif command or (line and not line.startswith("#")):
                command += ("\n" if command else "") + line
            if self.kind == "sh" and command and _complete(command):
                yield command, []
                command = ""
        if command:
            yield command, shown


def _complete(command: str) -> bool:
    """Whether a shell would run it and not ask for more."""
    asked = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return not (asked.returncode or asked.stderr or command.endswith("\\"))


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page."""
    text, name = page.read_text(), page.relative_to(ROOT)
    return [
        Block(
            f"{name}:{text.count(chr(10), 0, match.start('indent')) + 1}",
            match["kind"],
            textwrap.dedent(match["text"]),
            tuple(
                Mark(mark["word"], mark["quoted"], mark["rest"])
                for mark in _MARK.finditer(match["marks"])
            ),
        )
        for match in _BLOCK.finditer(text)
    ]


def agrees(shown: str, said: str) -> bool:
    """Whether a line is the one that is shown, but for its numbers, spaces and `...`."""
    skeleton = re.escape(_NUMBER.sub("#", " ".join(shown.split()))).replace(r"\.\.\.", ".*")
    if not re.fullmatch(skeleton, _NUMBER.sub("#", " ".join(said.split()))):
        return False
    values = [[float(value) for value in _VALUE.findall(line)] for line in (shown, said)]
    pairs = zip(*values, strict=False) if "..." not in shown else ()
    return all(abs(a - b) <= max(1.0, 0.25 * abs(a)) for a, b in pairs)


def follows(shown: list[str], said: str, *, all_of_it: bool) -> bool:
    """Whether the lines come in this order, and no others if it is to be `all_of_it`."""
    lines = [line for line in said.splitlines() if line.strip()]
    if all_of_it and "..." not in shown:
        return len(lines) == len(shown) and all(map(agrees, shown, lines))
    rest = iter(lines)
    return all(any(agrees(line, one) for one in rest) for line in shown if line != "...")


@dataclass
class Terminal:
    """A program that stays."""

    command: str
    process: subprocess.Popen[str]
    output: Path

    def type(self, text: str) -> None:
        """Give it a line of input."""
        assert self.process.stdin is not None
        print(text, file=self.process.stdin, flush=True)

    def until(self, true: Callable[[str], object]) -> None:
        """Wait for its output."""
        deadline = time.monotonic() + _LIMIT
        while not true(said := self.output.read_text()):
            assert self.process.poll() is None, f"{self.command}: ended: {said}"
            assert time.monotonic() < deadline, f"{self.command}: said\n{said}"
            time.sleep(0.05)

    def release(self) -> None:
        """Close what leads to it."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self, with_signal: int) -> None:
        """End it as its user would."""
        os.killpg(self.process.pid, with_signal)
        code = self.process.wait(60)
        self.release()
        expected = (0,) if "labioc" in self.command else (0, -with_signal)
        assert code in expected, f"{self.command}: exit code {code}: {self.output.read_text()}"


@dataclass
class Session:
    """What the reader of one page has in front of him."""

    folder: Path
    env: dict[str, str]
    new_port: Callable[[], int]
    terminals: list[Terminal] = field(default_factory=list[Terminal])
    replaced: dict[str, str] = field(default_factory=dict[str, str])

    def local(self, text: str) -> str:
        """Replace endpoints by those of this session."""
        for endpoint in sorted(self.replaced, key=len, reverse=True):
            own = self.replaced[endpoint]
            text = re.sub(
                rf"(?<= ){re.escape(endpoint)}", lambda _, own=own: shlex.quote(own), text
            )
            text = text.replace(endpoint, own)
        return text

    def take_ports(self, text: str) -> None:
        """Give every local port that a page names a free one."""
        for port in set(_PORT.findall(text)):
            self.replaced.setdefault(f"127.0.0.1:{port}", f"127.0.0.1:{self.new_port()}")
            listening = self.replaced[f"127.0.0.1:{port}"]
            self.replaced.setdefault(f"tcp-listen://:{port}", f"tcp-listen://{listening}")

    def run(self, command: str) -> tuple[int, str]:
        """Run a command that ends; what it exports stays for those that follow."""
        keep = f'{command}\ncode=$?\nexport -p > "$BASH_ENV"\nexit $code'
        done = subprocess.run(
            ["bash", "-c", keep],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout.replace("\0", "")  # a text of an array is padded

    def start(self, command: str) -> Terminal:
        """Start what stays, and wait until it is ready."""
        assert not _OUTSIDE.search(command), f"{command}: name what to run instead of this endpoint"
        output = self.folder / f"terminal{len(self.terminals)}"
        with output.open("w") as file:
            process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        terminal = Terminal(command, process, output)
        self.terminals.append(terminal)
        terminal.until(_READY.search)
        return terminal

    def terminal(self, beginning: str) -> Terminal:
        """The newest terminal in which a command that has these words runs."""
        return [one for one in self.terminals if beginning in one.command][-1]

    def close(self) -> None:
        """End what stays, the newest first."""
        while self.terminals:
            self.terminals.pop().end(signal.SIGTERM)

    def kill(self) -> None:
        """Leave nothing behind, after a failure too."""
        for terminal in self.terminals:
            with suppress(ProcessLookupError):
                os.killpg(terminal.process.pid, signal.SIGKILL)
            terminal.process.wait()
            terminal.release()


@pytest.fixture
def session(tmp_path: Path, ca_space: CaSpace, new_port: Callable[[], int]) -> Iterator[Session]:
    """A fresh checkout with an environment that is the one of this test."""
    folder = check_out(tmp_path / "checkout")
    for name in ("db", "docs", "examples", "opi"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / ".venv").mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (folder / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    for extras in ("run", "test", "lint", "bench"):
        (folder / ".venv" / f"made-{extras}").touch()
    for page in PAGES:
        for block in blocks(page):
            if title := re.match(r"# (\w+\.toml)\n", block.text):
                (folder / title[1]).write_text(block.text)
    path = f"{sys.prefix}/bin:{os.environ['PATH']}"
    env = without_make(ca_space.env)
    env |= {"EPICS_CA_ADDR_LIST": "127.255.255.255", "HOME": str(tmp_path)}
    env |= {"PATH": path, "BASH_ENV": str(tmp_path / "exported"), "PYTHONUNBUFFERED": "1"}
    (tmp_path / "exported").touch()
    one = Session(folder, env, new_port)
    try:
        yield one
    finally:
        one.kill()


def _missing(block: Block) -> bool:
    names = " ".join(mark.rest for mark in block.marked("needs")).split()
    path = f"{sys.prefix}/bin:{os.environ['PATH']}"
    return any(shutil.which(name, path=path) is None and find_spec(name) is None for name in names)


def _run_commands(session: Session, block: Block) -> None:
    exit_code = int(next((mark.rest for mark in block.marked("exits")), 0))
    left_out = [mark.quoted for mark in block.marked("not run") if mark.quoted]
    for step, lines in block.steps():
        if any(step.startswith(words) for words in left_out):
            continue
        command, shown = session.local(step), [session.local(line) for line in lines]
        if _STAYS.match(command):
            terminal = session.start(command)
            terminal.until(lambda said, shown=shown: follows(shown, said, all_of_it=False))
            continue
        deadline = time.monotonic() + _LIMIT
        while True:
            code, said = session.run(command)
            good = code == exit_code and (not shown or follows(shown, said, all_of_it=True))
            if good or not _READS.match(command) or time.monotonic() > deadline:
                break
        assert good, f"{block.place}: {command}\nexit code {code}, said\n{said}"


def _check_toml(session: Session, block: Block) -> None:
    text = session.local(block.text)
    if "ioc" not in tomllib.loads(text):
        return  # the file of something else
    (session.folder / "checked.toml").write_text(text)
    if title := re.match(r"# (\w+\.toml)\n", text):
        (session.folder / title[1]).write_text(text)
    code, said = session.run("labioc check checked.toml")
    assert code == 0, f"{block.place}: {said}"


def _run_python(session: Session, block: Block) -> None:
    file = session.folder / "test_block.py"
    file.write_text(session.local(block.text))
    tool = f"-m pytest -q -p tests.conftest -c {ROOT}/setup.cfg --rootdir ." * (
        "def test_" in block.text
    )
    code, said = session.run(f"PYTHONPATH={ROOT} python {tool} test_block.py")
    assert code == 0, f"{block.place}: {said}"


def _prepare(session: Session, block: Block) -> None:
    for mark in block.marked("Ctrl-C in"):
        assert mark.quoted
        session.terminal(mark.quoted).end(signal.SIGINT)
        session.terminals.remove(session.terminal(mark.quoted))
    for mark in block.marked("instead of"):
        endpoint, command = mark.rest.split(": ", 1)
        terminal = session.start(session.local(command))
        opened = re.search(r"^listening (\S+)", terminal.output.read_text(), re.MULTILINE)
        assert opened, mark
        session.replaced.setdefault(endpoint, opened[1])


def _walk(session: Session, page: Path, *, slow: bool) -> None:
    session.take_ports(page.read_text())
    for block in blocks(page):
        _prepare(session, block)
        refused = [mark for mark in block.marked("not run") if not mark.quoted]
        if refused or _missing(block) or (block.marked("slow") and not slow):
            continue
        if typed := block.marked("typed into"):
            terminal = session.terminal(typed[0].quoted or "")
            line, *shown = block.text.splitlines()
            terminal.type(line)
            terminal.until(lambda said, shown=shown: follows(shown, said, all_of_it=False))
        elif block.kind in ("sh", "console"):
            _run_commands(session, block)
        elif block.kind == "toml":
            _check_toml(session, block)
        elif block.kind == "python":
            _run_python(session, block)
    session.close()


def _with_blocks(*, slow: bool) -> list[Path]:
    found = {page: [block for block in blocks(page) if block.kind in RUN] for page in PAGES}
    return [
        page
        for page, some in found.items()
        if some and (not slow or any(block.marked("slow") for block in some))
    ]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", _with_blocks(slow=False), ids=_name)
def test_every_command_of_a_page_works(session: Session, page: Path) -> None:
    _walk(session, page, slow=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", _with_blocks(slow=True), ids=_name)
def test_the_slow_commands_of_a_page_work_too(session: Session, page: Path) -> None:
    _walk(session, page, slow=True)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_block_and_mark_is_understood(page: Path) -> None:
    text = page.read_text()
    assert text.count("```") == 2 * len(blocks(page))
    assert text.count("<!--") == sum(len(block.marks) for block in blocks(page)), "a lost comment"
    for block in blocks(page):
        assert block.kind in RUN | PROSE, f"{block.place}: name its language"
        for mark in block.marked("not run"):
            assert mark.rest, f"{block.place}: say why"


def test_outputs_are_compared_with_tolerance_for_live_numbers() -> None:
    shown = "T:P   2026-01-01 12:00:00.5 [20.13]"
    assert agrees(shown, "T:P 2026-11-21 18:37:14.057638 [19.8]")
    assert not agrees(shown, "T:P 2026-11-21 18:37:14.057638 [0.0]")
    assert not agrees(shown, "T:Q 2026-11-21 18:37:14.057638 [19.8]")
    assert not agrees("[Idle]", "[Running]")
    assert agrees("refused: ...", "refused: too large")
    assert follows(["a", "b"], "a\nx\nb\n", all_of_it=False)
    assert not follows(["a", "b"], "a\nx\nb\n", all_of_it=True)
    assert follows(["a", "...", "b"], "a\nx\nb\n", all_of_it=True)


def test_what_the_code_cites_of_a_protocol_is_there() -> None:
    """`xcom-protocol.md 13.4` is a section of that page."""
    sections = {
        page.name.removesuffix("-protocol.md"): set(_SECTION.findall(page.read_text()))
        for page in (ROOT / "docs" / "reference").glob("*-protocol.md")
    }
    files = [
        file
        for folder in ("benchmarks", "docs", "drivers", "iocs", "tests")
        for kind in ("*.md", "*.py", "*.toml")
        for file in (ROOT / folder).rglob(kind)
    ]
    cited = [
        (str(file.relative_to(ROOT)), page, number)
        for file in files
        for page, numbers in _CITED.findall(file.read_text())
        for number in re.findall(r"\d+(?:\.\d+)*", numbers)
    ]
    assert {page for _, page, _ in cited} == set(sections)
    assert [one for one in cited if one[2] not in sections[one[1]]] == []
