"""What an IOC says of itself, under the names that devIocStats uses (``Ioc:HEARTBEAT`` ...)."""

from __future__ import annotations

import os
import platform
import socket
import sys
import time
from collections.abc import Callable
from importlib import metadata

import psutil

from iocs.ca.dbr import Native
from iocs.ca.stamp import Stamp
from iocs.record.spec import PointSpec

from .declare import Internal, Setting, count_pv, number_pv, text_spec
from .meta import PVs

LOADS_EVERY = 10
"""Heartbeats from one look at memory and loads to the next, as devIocStats has it."""

_MEGABYTE = 1e6
_CLOCK = "%Y-%m-%d %H:%M:%S"

RESTART_EXIT_CODE = 86
"""Exit code that asks the service manager for a restart (``Ioc:SYSRESET``)."""


def _text(name: str, doc: str, size: int = 39) -> Internal:
    return Internal(text_spec(f"Ioc:{name}", doc, size))


def _restart(group: StatisticsPVs, value: int) -> None:
    if value:
        group.on_restart()


class StatisticsPVs(PVs):
    """Process, host and client statistics of the IOC.

    ``on_restart``: what a put to Ioc:SYSRESET does. ``count_clients``: clients, channels, monitors.
    """

    on_restart: Callable[[], None]
    count_clients: Callable[[], tuple[int, int, int]]

    heartbeat = count_pv("Ioc:HEARTBEAT", "Counts up every second", adel=60.0)
    uptime = _text("UPTIME", "Time since the IOC started")
    start_time = _text("STARTTOD", "When the IOC started")
    time_of_day = _text("TOD", "Time of the IOC's clock")
    host_name = _text("HOSTNAME", "Host of the IOC")
    epics_version = _text("EPICS_VERSION", "Channel Access server")
    app_version = _text("APP_VERSION", "Version of labioc")
    python_version = _text("PYTHON_VERSION", "Version of Python")
    kernel_version = _text("KERNEL_VERS", "Operating system", 128)
    app_directory = _text("APP_DIR", "Working directory", 256)
    process_id = count_pv("Ioc:PROCESS_ID", "Process number")
    parent_id = count_pv("Ioc:PARENT_ID", "Process number of the parent")
    cpu_count = count_pv("Ioc:CPU_CNT", "Processors of the host")
    record_count = count_pv("Ioc:RECORD_CNT", "PVs served")
    client_count = count_pv("Ioc:CA_CLNT_CNT", "Channel Access clients")
    connection_count = count_pv("Ioc:CA_CONN_CNT", "Channels that clients have open")
    monitor_count = count_pv("Ioc:CA_MON_CNT", "Monitors that clients have set")
    file_count = count_pv("Ioc:FD_CNT", "Open files")
    file_limit = count_pv("Ioc:FD_MAX", "Open files allowed")
    memory_used = number_pv("Ioc:MEM_USED", "Process memory (10^6 bytes)", "MB")
    memory_free = number_pv("Ioc:MEM_FREE", "Memory free (10^6 bytes)", "MB", precision=0)
    memory_size = number_pv("Ioc:MEM_MAX", "Memory of the host (10^6 bytes)", "MB", precision=0)
    cpu_load = number_pv("Ioc:IOC_CPU_LOAD", "Processor load of the IOC", "%")
    system_load = number_pv("Ioc:SYS_CPU_LOAD", "Processor load of the host", "%")
    restart = Setting(
        PointSpec(
            name="Ioc:SYSRESET",
            record="bo",
            desc="Restart the IOC",
            native=Native.ENUM,
            states=("Run", "Restart"),
            writable=True,
        ),
        0,
        _restart,
    )


def format_duration(seconds: float) -> str:
    """Seconds as devIocStats writes an uptime: ``3 days, 04:05:06``."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    clock = f"{hour:02d}:{minute:02d}:{second:02d}"
    if not days:
        return clock
    return f"{days} day{'s' if days != 1 else ''}, {clock}"


def version() -> str:
    """The version of labioc as installed, or ``unknown`` when it runs from a bare checkout."""
    try:
        return metadata.version("labioc")
    except metadata.PackageNotFoundError:
        return "unknown"


class Statistics:
    """Posts the statistics PVs of one IOC."""

    def __init__(self, pvs: StatisticsPVs) -> None:
        self._pvs = pvs
        self._process = psutil.Process()
        self._started = time.monotonic()
        self._beats = 0
        self._process.cpu_percent(None)
        psutil.cpu_percent(None)

    def post_constants(self) -> None:
        """What does not change while the IOC runs."""
        group, stamp = self._pvs, Stamp.now()
        group.start_time.post(time.strftime(_CLOCK), stamp)
        group.host_name.post(socket.gethostname(), stamp)
        group.epics_version.post(f"caproto {metadata.version('caproto')}", stamp)
        group.app_version.post(f"labioc {version()}", stamp)
        group.python_version.post(f"Python {platform.python_version()}", stamp)
        group.kernel_version.post(platform.platform(), stamp)
        group.app_directory.post(os.getcwd(), stamp)  # noqa: PTH109 - a text for people
        group.process_id.post(os.getpid(), stamp)
        group.parent_id.post(os.getppid(), stamp)
        group.cpu_count.post(os.cpu_count() or 1, stamp)
        group.memory_size.post(psutil.virtual_memory().total / _MEGABYTE, stamp)
        if sys.platform != "win32":
            import resource

            soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            group.file_limit.post(min(soft, (1 << 31) - 1), stamp)

    def post(self) -> None:
        """What changes: once a second, and what changes with every look at it more seldom."""
        group, stamp = self._pvs, Stamp.now()
        if not self._beats:
            self.post_constants()
        self._beats += 1
        group.heartbeat.post(self._beats & 0x7FFFFFFF, stamp)
        group.uptime.post(format_duration(time.monotonic() - self._started), stamp)
        group.time_of_day.post(time.strftime(_CLOCK), stamp)
        group.record_count.post(len(group.pvdb), stamp)
        if self._beats % LOADS_EVERY == 1:
            self._post_loads(stamp)
        group.file_count.post(self._process.num_fds(), stamp)
        clients, channels, monitors = group.count_clients()
        group.client_count.post(clients, stamp)
        group.connection_count.post(channels, stamp)
        group.monitor_count.post(monitors, stamp)

    def _post_loads(self, stamp: Stamp) -> None:
        """Memory, and the mean loads since the last call."""
        group = self._pvs
        group.memory_used.post(self._process.memory_info().rss / _MEGABYTE, stamp)
        group.memory_free.post(psutil.virtual_memory().available / _MEGABYTE, stamp)
        group.cpu_load.post(self._process.cpu_percent(None), stamp)
        group.system_load.post(psutil.cpu_percent(None), stamp)
