"""Which devices behind the gateway answer, and when a silent one is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..core.quarantine import QuarantineRule, UnitHealth
from .addresses import Family, family_of_address, range_of

_RULE = QuarantineRule(failures=2, probe_timeout=2.0, first=5.0, cap=30.0)


class DeviceHealth:
    """Keeps a silent device from slowing the others: it is asked at its back-off times only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._devices: dict[int, UnitHealth] = {}

    def answered(self, address: int) -> None:
        """Note an answer of a device."""
        self._of(address).answered()

    def failed(self, address: int) -> None:
        """Note that a device did not answer."""
        self._of(address).failed()

    def wait(self, address: int) -> float:
        """Seconds until a device may be asked; 0.0 for now."""
        return self._of(address).next_probe

    def failures(self, address: int) -> int:
        """Requests in a row that a device did not answer."""
        return self._of(address).failures

    def suspect(self, address: int) -> bool:
        """True if the device did not answer its last request."""
        return self._of(address).failures > 0

    def answering(self, address: int) -> bool:
        """True if the device answered its last request."""
        return self._of(address).answering

    def allow_all(self) -> None:
        """Let all be asked at once: the gateway itself was silent, and is back."""
        for device in self._devices.values():
            device.link_restored()

    def _of(self, address: int) -> UnitHealth:
        if address not in self._devices:
            name = device_name(address)
            self._devices[address] = UnitHealth(name, _RULE, clock=self._clock)
        return self._devices[address]


def device_name(address: int) -> str:
    """A device in messages, such as `VT1 (address 301)`."""
    family = family_of_address(address)
    if family is Family.GATEWAY:
        return "gateway"
    if family is None or address not in range_of(family).addresses:
        return f"address {address}"
    return f"{family.value}{range_of(family).index(address)} (address {address})"
