"""pyepics as the client of a libca worker: what most scripts and beamline programs use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any, TypeVar

from tests.support.libca_types import (
    CaError,
    CaType,
    ChannelInfo,
    Emit,
    Form,
    Limits,
    Mask,
    Reading,
)

T = TypeVar("T")

_FORMS = {Form.RAW: "native", Form.TIME: "time", Form.CTRL: "ctrl"}


class PyepicsClient:
    """Requests and subscriptions through pyepics, one after the other.

    All calls are made in one thread, since a CA context belongs to the thread that made it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pyepics")
        self._epics = self._thread.submit(_import_epics).result()
        self._subscriptions: dict[int, Any] = {}

    async def get(
        self, name: str, form: Form, datatype: CaType | None, count: int, timeout: float
    ) -> Reading:
        """Read once; of `datatype` only None and STRING can be had."""
        as_string = _as_string(name, datatype)

        def read() -> Reading:
            pv = self._connect(name, timeout)
            got = pv.get_with_metadata(
                form=_FORMS[form],
                count=count or None,
                as_string=as_string,
                timeout=timeout,
                use_monitor=False,
            )
            if got is None:
                raise self._error(name, CaError.TIMEOUT)
            return _reading(name, pv.ftype, got)

        return await self._call(read)

    async def put(
        self, name: str, value: Any, datatype: CaType | None, wait: bool, timeout: float
    ) -> None:
        """Write once."""
        _as_string(name, datatype)

        def write() -> None:
            status = self._connect(name, timeout).put(value, wait=wait, timeout=timeout)
            if status == -1:
                raise self._error(name, CaError.TIMEOUT)
            if status is None:
                raise self._error(name, CaError.PUTFAIL)

        await self._call(write)

    async def monitor(
        self, key: int, name: str, events: Mask, form: Form, datatype: CaType | None, emit: Emit
    ) -> None:
        """Subscribe to every update."""
        _as_string(name, datatype)

        def forward(**got: Any) -> None:
            emit(_reading(name, got["ftype"], got))

        def lost(conn: bool, **_: Any) -> None:
            if not conn:
                emit(Reading(name, None, connected=False))

        def subscribe() -> None:
            self._subscriptions[key] = self._epics.PV(
                name,
                form=_FORMS[form],
                auto_monitor=int(events),
                callback=forward,
                connection_callback=lost,
            )

        await self._call(subscribe)

    async def unmonitor(self, key: int) -> None:
        """End a subscription."""
        pv = self._subscriptions[key]
        await self._call(pv.disconnect)
        del self._subscriptions[key]

    async def info(self, name: str, timeout: float) -> ChannelInfo:
        """Connect and tell about the channel."""

        def connect() -> ChannelInfo:
            chid = self._connect(name, timeout).chid
            ca = self._epics.ca
            return ChannelInfo(
                name=name,
                host=ca.host_name(chid),
                datatype=ca.field_type(chid),
                count=ca.element_count(chid),
                read_access=bool(ca.read_access(chid)),
                write_access=bool(ca.write_access(chid)),
            )

        return await self._call(connect)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    def _connect(self, name: str, timeout: float) -> Any:
        pv = self._epics.get_pv(name, auto_monitor=False)
        if not pv.wait_for_connection(timeout=timeout):
            raise self._error(name, CaError.TIMEOUT)
        return pv

    def _error(self, name: str, code: int) -> CaError:
        return CaError(name, code, self._epics.ca.message(code))


def _import_epics() -> ModuleType:
    import epics

    epics.ca.initialize_libca()
    return epics


def _as_string(name: str, datatype: CaType | None) -> bool:
    if datatype not in (None, CaType.STRING):
        raise ValueError(f"{name}: datatype {datatype!r}: pyepics knows None and STRING only")
    return datatype is CaType.STRING


def _reading(name: str, ftype: int, got: dict[str, Any]) -> Reading:
    value = got["value"]
    enums = got.get("enum_strs")
    return Reading(
        name=name,
        value=value.tolist() if hasattr(value, "tolist") else value,
        datatype=ftype % 7,  # DBR types come in blocks of seven, native first (db_access.h)
        count=len(value) if hasattr(value, "tolist") else 1,
        severity=got.get("severity"),
        status=got.get("status"),
        timestamp=got.get("timestamp"),
        units=got.get("units"),
        precision=got.get("precision"),
        limits=_limits(got),
        enums=None if enums is None else tuple(_text(text) for text in enums),
    )


def _text(text: str | bytes) -> str:
    return text.decode() if isinstance(text, bytes) else text


def _limits(got: dict[str, Any]) -> Limits | None:
    if got.get("upper_disp_limit") is None:
        return None
    return Limits(
        lopr=got["lower_disp_limit"],
        hopr=got["upper_disp_limit"],
        lolo=got["lower_alarm_limit"],
        low=got["lower_warning_limit"],
        high=got["upper_warning_limit"],
        hihi=got["upper_alarm_limit"],
        drvl=got["lower_ctrl_limit"],
        drvh=got["upper_ctrl_limit"],
    )
