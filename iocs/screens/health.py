"""The health of one IOC: link, errors, scans in time, process and host."""

from __future__ import annotations

from iocs.core.health import HealthPVs
from iocs.core.statistics import StatisticsPVs
from iocs.export.bob import Display, Widget

from . import style
from .catalog import Ioc, Pvs
from .frames import chart, panel
from .header import header
from .layout import screen
from .widgets import label, lamp, press, readback_row, value

_H, _S = HealthPVs, StatisticsPVs
_COUNTS = (_H.error_count, _H.reconnect_count, _H.exchange_count, _H.poll_time, _H.poll_overruns)
_PROCESS = (
    _S.uptime, _S.start_time, _S.time_of_day, _S.host_name, _S.process_id, _S.parent_id,
    _S.cpu_load, _S.memory_used, _S.file_count, _S.file_limit,
)  # fmt: skip
_CLIENTS = (
    _H.refused_puts, _S.client_count, _S.connection_count, _S.monitor_count, _S.record_count,
    _S.cpu_count, _S.system_load, _S.memory_free, _S.memory_size,
)  # fmt: skip
_VERSIONS = (_S.app_version, _S.epics_version, _S.python_version)
_DEVICE = 210
"""Height of the panel of the device."""

_LONG = (_S.kernel_version, _S.app_directory)


def _device(pvs: Pvs) -> list[Widget]:
    x, y = style.MARGIN, style.TOP
    found = panel("Device", x, y, 1260, _DEVICE)
    connected, link, error, put = (
        pvs[declared.spec.name]
        for declared in (_H.connected, _H.link_url, _H.last_error, _H.last_put_error)
    )
    found += [
        label(connected.desc, x + 14, y + 34, 150),
        *lamp(connected, x + 170, y + 36),
        value(connected, x + 196, y + 34, 130),
        label(link.desc, x + 360, y + 34, 150),
        value(link, x + 512, y + 34, 734),
        label(error.desc, x + 14, y + 66, 150),
        value(error, x + 170, y + 66, 1076, 44),
        label(put.desc, x + 14, y + 118, 150),
        value(put, x + 170, y + 118, 1076, 44),
    ]
    for number, declared in enumerate(_COUNTS):
        pv = pvs[declared.spec.name]
        left = x + 14 + number * 248
        found += [
            label(pv.desc, left, y + 174, 160, font=style.SMALL),
            value(pv, left + 160, y + 174, 76),
        ]
    return found


def _column(pvs: Pvs, title: str, names: list[str], x: int, width: int) -> list[Widget]:
    y = style.TOP + _DEVICE + 10
    found = panel(title, x, y, width, 350)
    for number, name in enumerate(names):
        found += readback_row(
            pvs[name], x + 14, y + 36 + number * style.PITCH, width - 28, room=150
        )
    return found


def _software(pvs: Pvs) -> list[Widget]:
    x, y = 850, style.TOP + _DEVICE + 10
    found = panel("Software", x, y, 420, 350)
    for number, declared in enumerate(_VERSIONS):
        row = y + 36 + number * style.PITCH
        found += readback_row(pvs[declared.spec.name], x + 14, row, 392, room=230)
    for number, declared in enumerate(_LONG):
        pv, row = pvs[declared.spec.name], y + 130 + number * 76
        found += [
            label(pv.desc, x + 14, row, 392),
            value(pv, x + 14, row + 24, 392, 42),
        ]
    restart = pvs[_S.restart.spec.name]
    question = "Restart the IOC $(P)$(R)? Its service manager must start it again."
    found.append(press(restart, restart.desc, x + 14, y + 306, 392, 30, confirm=question))
    return found


def health(ioc: Ioc) -> Display:
    """The screen; its content is the same for every IOC."""
    pvs, file = ioc.own, f"{ioc.file}_health"
    top = style.TOP + _DEVICE + 370
    load = [pvs[declared.spec.name] for declared in (_S.cpu_load, _H.poll_time)]
    widgets = [
        *header(ioc, ioc.title, file),
        *_device(pvs),
        *_column(pvs, "Process", [d.spec.name for d in _PROCESS], 10, 415),
        *_column(pvs, "Clients and host", [d.spec.name for d in _CLIENTS], 435, 405),
        *_software(pvs),
        *panel("Load and duration of reads", 10, top, 1260, 200),
        *chart("Load chart", load, 18, top + 28, 1244, 166),
    ]
    return screen(file, f"{ioc.title}: health $(P)$(R)", style.TOP + _DEVICE + 580, widgets)
