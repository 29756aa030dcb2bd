"""aioca as the client of a libca worker: it tells the error of every request."""

from __future__ import annotations

from typing import Any

import aioca
from epicscorelibs.ca import cadef, dbr

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

_FORMATS: dict[Form, Any] = {
    Form.RAW: dbr.FORMAT_RAW,
    Form.TIME: dbr.FORMAT_TIME,
    Form.CTRL: dbr.FORMAT_CTRL,
}


class AiocaClient:
    """Requests and subscriptions through aioca."""

    def __init__(self) -> None:
        self._subscriptions: dict[int, Any] = {}

    async def get(
        self, name: str, form: Form, datatype: CaType | None, count: int, timeout: float
    ) -> Reading:
        """Read once."""
        value = await aioca.caget(
            name,
            datatype=_native(datatype),
            format=_FORMATS[form],
            count=count,
            timeout=timeout,
            throw=False,
        )
        if not value.ok:
            raise _error(value)
        return _reading(name, value)

    async def put(
        self, name: str, value: Any, datatype: CaType | None, wait: bool, timeout: float
    ) -> None:
        """Write once."""
        result = await aioca.caput(
            name, value, datatype=_native(datatype), wait=wait, timeout=timeout, throw=False
        )
        if not result.ok:
            raise _error(result)

    async def monitor(
        self, key: int, name: str, events: Mask, form: Form, datatype: CaType | None, emit: Emit
    ) -> None:
        """Subscribe to every update."""

        def forward(value: Any) -> None:
            emit(_reading(name, value) if value.ok else Reading(name, None, connected=False))

        self._subscriptions[key] = aioca.camonitor(
            name,
            forward,
            events=int(events),
            datatype=_native(datatype),
            format=_FORMATS[form],
            all_updates=True,
            notify_disconnect=True,
        )

    async def unmonitor(self, key: int) -> None:
        """End a subscription."""
        self._subscriptions.pop(key).close()

    async def info(self, name: str, timeout: float) -> ChannelInfo:
        """Connect and tell about the channel."""
        info = await aioca.cainfo(name, timeout=timeout, throw=False)
        if not info.ok:
            raise _error(info)
        return ChannelInfo(
            name=name,
            host=info.host,
            datatype=info.datatype,
            count=info.count,
            read_access=bool(info.read),
            write_access=bool(info.write),
        )


def _native(datatype: CaType | None) -> Any:
    return None if datatype is None else int(datatype)


def _error(nothing: Any) -> CaError:
    text = cadef.ca_message(nothing.errorcode)
    return CaError(
        nothing.name, nothing.errorcode, text.decode() if isinstance(text, bytes) else str(text)
    )


def _reading(name: str, value: Any) -> Reading:
    enums = getattr(value, "enums", None)
    plain = _plain(value)
    return Reading(
        name=name,
        value=plain,
        datatype=int(value.datatype),
        count=len(plain) if isinstance(plain, list) else 1,
        severity=getattr(value, "severity", None),
        status=getattr(value, "status", None),
        timestamp=getattr(value, "timestamp", None),
        units=getattr(value, "units", None),
        precision=getattr(value, "precision", None),
        limits=_limits(value),
        enums=None if enums is None else tuple(str(text) for text in enums),
    )


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"value {value!r} of type {type(value).__name__}: expected str, int or float")


def _limits(value: Any) -> Limits | None:
    if not hasattr(value, "upper_disp_limit"):
        return None
    return Limits(
        lopr=value.lower_disp_limit,
        hopr=value.upper_disp_limit,
        lolo=value.lower_alarm_limit,
        low=value.lower_warning_limit,
        high=value.upper_warning_limit,
        hihi=value.upper_alarm_limit,
        drvl=value.lower_ctrl_limit,
        drvh=value.upper_ctrl_limit,
    )
