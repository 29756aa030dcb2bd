"""A bluesky plan that notices when an IOC did not carry out what it was asked for.

ophyd and ophyd-async report success for a put that was refused. So the plan asks the IOC whether it
has refused one meanwhile, and looks whether the readback comes to the value. A put that somebody
else was refused at the same time stops it too: that is the safe side.

Usage: python examples/checked_put.py ophyd|ophyd-async IOC_PREFIX SETPOINT VALUE
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky.utils import FailedStatus, MsgGenerator


class NotCarriedOut(Exception):
    """The text is the reason that the IOC gives, or what the readback is instead."""


@dataclass(frozen=True)
class Checked:
    """A set point and what shows whether a put to it was carried out: signals of either library."""

    setpoint: Any
    readback: Any
    refused_puts: Any
    last_put_error: Any


def checked_mv(
    to: Checked, value: float, tolerance: float, timeout: float = 30.0
) -> MsgGenerator[None]:
    """Put `value`, wait until the readback is within `tolerance` of it; raises NotCarriedOut."""
    before = yield from bps.rd(to.refused_puts)
    try:
        yield from bps.mv(to.setpoint, value)
    except FailedStatus as error:  # the client was told; the IOC says why
        raise NotCarriedOut((yield from bps.rd(to.last_put_error))) from error
    if (yield from bps.rd(to.refused_puts)) != before:
        raise NotCarriedOut((yield from bps.rd(to.last_put_error)))
    deadline = time.monotonic() + timeout
    while not abs((reached := (yield from bps.rd(to.readback))) - value) <= tolerance:
        if time.monotonic() > deadline:
            raise NotCarriedOut(f"asked for {value}, the device has {reached}")
        yield from bps.sleep(0.2)


def with_ophyd(ioc: str, setpoint: str) -> Checked:
    """Make the signals with ophyd; `put_complete` waits for the IOC."""
    from ophyd import EpicsSignal, EpicsSignalRO

    signals = Checked(
        EpicsSignal(ioc + setpoint, name="setpoint", put_complete=True),
        EpicsSignalRO(f"{ioc}{setpoint}_RBV", name="readback"),
        EpicsSignalRO(f"{ioc}RefusedPuts", name="refused_puts"),
        EpicsSignalRO(f"{ioc}LastPutError", name="last_put_error", string=True),
    )
    for signal in (
        signals.setpoint,
        signals.readback,
        signals.refused_puts,
        signals.last_put_error,
    ):
        signal.wait_for_connection(timeout=30.0)
    return signals


def with_ophyd_async(ioc: str, setpoint: str) -> Checked:
    """Make the signals with ophyd-async, in the loop of a RunEngine that exists already."""
    from ophyd_async.core import init_devices
    from ophyd_async.epics.core import epics_signal_r, epics_signal_rw

    with init_devices():
        value = epics_signal_rw(float, f"ca://{ioc}{setpoint}")
        readback = epics_signal_r(float, f"ca://{ioc}{setpoint}_RBV")
        refused_puts = epics_signal_r(int, f"ca://{ioc}RefusedPuts")
        last_put_error = epics_signal_r(str, f"ca://{ioc}LastPutError.VAL$")
    return Checked(value, readback, refused_puts, last_put_error)


def main(library: str, ioc: str, setpoint: str, value: str) -> int:
    """Put one value and say how it went."""
    engine = RunEngine({})
    make = {"ophyd": with_ophyd, "ophyd-async": with_ophyd_async}[library]
    try:
        engine(checked_mv(make(ioc, setpoint), float(value), tolerance=0.5))
    except NotCarriedOut as error:
        print(f"not carried out: {error}")
        return 1
    print("carried out")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
