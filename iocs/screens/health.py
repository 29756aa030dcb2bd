"""The health of one IOC: link, errors, alarms, scans in time, process and host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from iocs.device.declared import Declared
from iocs.device.health_pvs import HealthPVs
from iocs.device.statistics import StatisticsPVs
from iocs.export.bob import Display, Widget
from iocs.export.rows import Section

from . import style
from .catalog import HEALTH, Ioc, Pv, Pvs
from .frames import chart, panel
from .header import header
from .layout import screen
from .truth import NOUGHT, shown_while
from .widgets import label, press, readback_row, silent, value

_H, _S = HealthPVs, StatisticsPVs
_COUNTS = (_H.error_count, _H.reconnect_count, _H.exchange_count, _H.poll_time, _H.poll_overruns)
_PROCESS = (
    _S.uptime, _S.start_time, _S.time_of_day, _S.process_id, _S.parent_id, _S.cpu_load,
    _S.memory_used, _S.file_count, _S.file_limit,
)  # fmt: skip
_CLIENTS = (
    _H.refused_puts, _S.client_count, _S.connection_count, _S.monitor_count, _S.record_count,
    _S.cpu_count, _S.system_load, _S.memory_free, _S.memory_size,
)  # fmt: skip
_SOFTWARE = (_S.app_version, _S.epics_version, _S.python_version, _S.host_name)
_LONG = (_S.kernel_version, _S.app_directory)

_DEVICE = style.TOP
_TABLES = _DEVICE + 190
_LISTS = _TABLES + 320
_HEIGHT = _LISTS + 276
"""Where the rows of panels start, and where the last one ends."""

_PERCENT = (0.0, 100.0)


def _device(pvs: Pvs) -> list[Widget]:
    x, y = style.MARGIN, _DEVICE
    found = panel("Device", x, y, 1260, 180)
    link = pvs[_H.link_url.spec.name]
    found += [label(link.desc, x + 14, y + 32, 150), value(link, x + 173, y + 32, 1070)]
    told = ((_H.last_error, _H.error_count), (_H.last_put_error, _H.refused_puts))
    for number, (text, count) in enumerate(told):
        top = y + 62 + number * 43
        field = value(pvs[text.spec.name], x + 173, top, 1070, 36)
        none = shown_while(NOUGHT, pvs[count.spec.name].name)
        found += [label(text.spec.desc, x + 14, top, 150, 36), field]
        found.append(silent(field, "None since the IOC started", none))
    for number, count in enumerate(_COUNTS):
        left = x + 14 + number * 249
        found += [
            label(count.spec.desc, left, y + 146, 154, font=style.SMALL),
            value(pvs[count.spec.name], left + 158, y + 146, 74),
        ]
    return found


def _table(pvs: Pvs, title: str, shown: Sequence[Declared], x: int, width: int) -> list[Widget]:
    found = panel(title, x, _TABLES, width, 310)
    room = 190 if title == "Process" else 150
    for number, declared in enumerate(shown):
        y = _TABLES + 34 + number * style.PITCH
        found += readback_row(pvs[declared.spec.name], x + 14, y, width - 31, room=room)
    return found


def _software(pvs: Pvs, x: int, width: int) -> list[Widget]:
    found = _table(pvs, "Software", (), x, width)
    y = _TABLES + 34
    for declared in _SOFTWARE:
        found += readback_row(pvs[declared.spec.name], x + 14, y, width - 31, room=230)
        y += style.PITCH
    for declared in _LONG:
        pv = pvs[declared.spec.name]
        found += [label(pv.desc, x + 14, y, 126, 36), value(pv, x + width - 247, y, 230, 36)]
        y += 44
    restart = pvs[_S.restart.spec.name]
    question = "Restart the IOC $(P)$(R)? Its service manager must start it again."
    found.append(press(restart, restart.desc, x + 14, y + 6, width - 28, 34, confirm=question))
    return found


def _alarms(pvs: Pvs, x: int, width: int) -> list[Widget]:
    """How many PVs are in alarm, and which."""
    found = panel("Alarms, newest first", x, _LISTS, width, 266, beside=290)
    count = pvs[_H.alarm_count.spec.name]
    found += [
        label(count.desc, x + width - 250, _LISTS + 8, 150),
        value(count, x + width - 92, _LISTS + 8, 78),
    ]
    lines = [
        value(pv, x + 14, _LISTS + 38 + number * 22, width - 28, 19, look={"transparent": True})
        for number, pv in enumerate(pvs.below("AlarmList:"))
    ]
    none = shown_while(NOUGHT, count.name)
    return [*found, *lines, silent(lines[0], "No alarm", none)]


def _load(ioc: Ioc, x: int, width: int) -> list[Widget]:
    """How busy the IOC is, and how long it reads beside how long it may."""
    pvs = ioc.own
    load, time = (pvs[declared.spec.name] for declared in (_S.cpu_load, _H.poll_time))
    found = panel("Load and duration of reads", x, _LISTS, width, 266)
    found += chart(
        "Load chart", [load, time], x + 8, _LISTS + 28, width - 16, 230,
        texts=("Processor load", "Slowest read"), ends={load.units: _PERCENT},
        reach=_allowed(ioc, time),
    )  # fmt: skip
    return found


def _allowed(ioc: Ioc, time: Pv) -> dict[str, Pv]:
    """The shortest period of a scan in the unit of `time`, as a formula of Phoebus."""
    periods = [
        row
        for row in ioc.rows.values()
        if row.section is Section.SCAN and row.name.endswith(":Period") and row.value
    ]
    if not periods:
        return {}
    shortest = min(periods, key=lambda row: row.value or 0.0)
    name = f"=1000 * '{ioc.pvs[shortest.name].name}'"
    return {"Shortest period": replace(time, name=name)}


def health(ioc: Ioc) -> Display:
    """The screen; its content is the same for every IOC."""
    pvs, file = ioc.own, ioc.screen(HEALTH)
    widgets = [
        *header(ioc, ioc.title, file),
        *_device(pvs),
        *_table(pvs, "Process", _PROCESS, 10, 420),
        *_table(pvs, "Clients and host", _CLIENTS, 440, 405),
        *_software(pvs, 855, 415),
        *_alarms(pvs, 10, 760),
        *_load(ioc, 780, 490),
    ]
    return screen(file, f"{ioc.title}: health $(P)$(R)", _HEIGHT, widgets)
