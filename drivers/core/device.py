"""What every instrument offers besides its own readings and commands."""

from __future__ import annotations

from typing import Protocol


class Device(Protocol):
    """The part of a device that is the same for all instruments (health, closing).

    Constructing a device never touches the wire; the link opens with the first request.
    """

    @property
    def link(self) -> str:
        """The address of the link, as a URL."""
        ...

    @property
    def connected(self) -> bool:
        """True while the link is open and the device answered its last request."""
        ...

    @property
    def reconnects(self) -> int:
        """How often the link was opened again after the first time."""
        ...

    @property
    def exchanges(self) -> int:
        """How many requests went out to this device."""
        ...

    @property
    def last_error(self) -> str:
        """The text of the most recent error, empty if there never was one."""
        ...

    async def close(self) -> None:
        """Close the link. Writes nothing to the instrument."""
        ...
