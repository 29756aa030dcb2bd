"""Phoebus on an X server of its own: opens screens in windows and takes pictures of them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection

import numpy as np

from .pictures import Picture, Screen
from .stand import Stuck, until

_SETTINGS = """\
org.phoebus.pv.ca/addr_list={EPICS_CA_ADDR_LIST}
org.phoebus.pv.ca/auto_addr_list=false
org.phoebus.pv.ca/server_port={EPICS_CA_SERVER_PORT}
org.phoebus.pv.ca/repeater_port={EPICS_CA_REPEATER_PORT}
org.phoebus.ui/splash=false
org.csstudio.trends.databrowser3/urls=
org.csstudio.trends.databrowser3/archives=
"""

_LAYOUT = """\
<memento show_tabs="false" show_menu="false" show_toolbar="false" show_statusbar="false">
  <DockStage_MAIN x="0" y="0" width="200" height="100">
    <pane><display application="display_runtime" toolbar="false"/></pane>
  </DockStage_MAIN>
</memento>
"""
"""Makes the area of a display all that is in a window: neither tabs nor a toolbar."""

_PACKAGES = {
    "Xvfb": "xvfb",
    "import": "imagemagick",
    "xdotool": "xdotool",
    "libgtk-3.so.0": "libgtk-3-0",
    "LiberationSans": "fonts-liberation",
}
_BORDER = 1
_LITTLE = 0.005
"""The part of a picture that moving values and curves change in half a second."""
_GRABS, _TRIES = 4, 40
_COMPLAINT = re.compile(
    r"^[\d-]+ [\d:]+ (?:WARNING|SEVERE) \[org\.csstudio\.[\w.]*?(\w+)\] (.*(?:\n(?!\d{4}-)\S.*)*)",
    re.MULTILINE,
)


def jars(folder: Path) -> list[str]:
    """The class path of an installed Phoebus; empty if the folder holds none."""
    holds = {folder: "product-*.jar", folder / "lib": "*.jar"}
    return [str(place / "*") for place, pattern in holds.items() if any(place.glob(pattern))]


def missing() -> list[str]:
    """The Debian packages that pictures need and that are not installed."""
    command = "ldconfig -p; fc-list"
    there = subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout
    found = {need for need in _PACKAGES if need in there or shutil.which(need)}
    java = [] if shutil.which(_java()) else ["openjdk-17-jre"]
    return [package for need, package in _PACKAGES.items() if need not in found] + java


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    return str(Path(home) / "bin" / "java") if home else "java"


def complaints(log: str) -> Counter[str]:
    """What a log of Phoebus has about displays as WARNING or SEVERE, and how often."""
    return Counter(
        f"{one[1]}: {one[2]}".replace("\n", "\n    ") for one in _COMPLAINT.finditer(log)
    )


@contextlib.contextmanager
def x_server() -> Iterator[str]:
    """An X server with a display number that was free; its name."""
    reading, writing = os.pipe()
    arguments = ("-displayfd", str(writing), "-screen", "0", "2600x2600x24", "-nolisten", "tcp")
    server = subprocess.Popen(
        ["Xvfb", *arguments], pass_fds=(writing,), stderr=subprocess.DEVNULL, process_group=0
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


class Phoebus:
    """One running Phoebus. `home` is an empty folder for it alone, `port` a free one."""

    def __init__(self, folder: Path, display: str, home: Path, port: int) -> None:
        self._port = port
        self._log = home / "log"
        self._environment = {**os.environ, "DISPLAY": display}
        (home / "settings.ini").write_text(_SETTINGS.format_map(os.environ))
        (home / "layout").write_text(_LAYOUT)
        options = (f"-Duser.home={home}", f"-Dphoebus.user={home}", "-Dprism.order=sw")
        java = (_java(), *options, "-Dfile.encoding=UTF-8", "-cp", ":".join(jars(folder)))
        files = ("-settings", str(home / "settings.ini"), "-layout", str(home / "layout"))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*java, "org.phoebus.product.Launcher", *files, "-server", str(port)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
            )

    def open(self, screen: Screen) -> str:
        """Open a screen in a window of its own, and wait until it shows values; its window."""
        until(self._windows, "a window of Phoebus")
        self._run("xdotool", "mousemove", "2599", "2599")
        width, height = screen.size
        resource = screen.resource((width + 2 * _BORDER, height + 2 * _BORDER))
        before = self._windows().keys()
        for _ in range(3):  # what comes while it starts is dropped
            with create_connection(("localhost", self._port)) as server:
                server.sendall(f"-resource|{resource}\n".encode())
            with contextlib.suppress(Stuck):
                until(lambda: self._windows().keys() - before, "a window", 30.0)
                break
        opened = self._windows().keys() - before
        if len(opened) != 1:
            raise Stuck(f"{screen.path} opened {len(opened)} windows, not one")
        window = opened.pop()
        stem = screen.path.stem  # the title until the file is read
        until(lambda: self._windows().get(window, stem) != stem, f"the content of {screen.path}")
        self._settle(window)
        return window

    def take(self, window: str, picture: Picture, folder: Path) -> None:
        """Take a picture of a window, as a small PNG."""
        at_rest = self._settle(window)
        width, height = picture.screen.size
        area = ("-crop", f"{width}x{height}+{_BORDER}+{_BORDER}", "+repage")
        small = ("-strip", "+dither", "-colors", "255")
        file = folder / f"{picture.name}.png"
        file.unlink(missing_ok=True)
        self._run("import", "-window", window, *area, *small, f"PNG8:{file}")
        if not file.is_file():
            raise Stuck(f"import took no picture of window {window} for {file}")
        print(file, "" if at_rest else "(it did not come to rest)", flush=True)

    def end(self) -> str:
        """End it and its CA repeater, without questions about open windows; its log."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()
        return self._log.read_text(errors="replace")

    def _settle(self, window: str) -> bool:
        """Bring a window to the front and wait until little changes; whether that came."""
        self._run("xdotool", "windowraise", window)
        quiet, before = 0, self._pixels(window)
        for _ in range(_TRIES):
            time.sleep(0.5)
            now = self._pixels(window)
            quiet = quiet + 1 if np.mean(now != before) < _LITTLE else 0
            if quiet == _GRABS:
                return True
            before = now
        return False

    def _pixels(self, window: str) -> np.ndarray:
        data = self._run("import", "-window", window, "-depth", "8", "rgb:-")
        return np.frombuffer(data, dtype=np.dtype("V3"))

    def _windows(self) -> dict[str, str]:
        """The titles of its windows."""
        if self._process.poll() is not None:
            raise Stuck(f"Phoebus ended:\n{self.end()[-2000:]}")
        found = self._run("xdotool", "search", "--onlyvisible", "--name", ".").decode().split()
        return {w: self._run("xdotool", "getwindowname", w).decode().strip() for w in found}

    def _run(self, *command: str) -> bytes:
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)
        return done.stdout
