"""An IOC of caproto as it comes, with what Java clients cannot take: `python -m` this file.

Serves `Good`, `Short` (an array that is filled to the half) and `Old` (a time stamp of 1991) behind
the prefix STOCK:.
"""

from __future__ import annotations

import asyncio
import time

from caproto.asyncio.server import Context
from caproto.server import PVGroup, pvproperty

_1991 = 662688000.0


class StockIOC(PVGroup):
    """Three PVs, one of them right."""

    Good = pvproperty(value=1.0)
    Short = pvproperty(value=[0.0], max_length=400)
    Old = pvproperty(value=2.0)


async def main() -> None:
    """Serve until the process is ended."""
    ioc = StockIOC("STOCK:")
    now = time.time()
    await ioc.Good.write(1.0, timestamp=now)
    await ioc.Short.write([0.5] * 200, timestamp=now)
    await ioc.Old.write(2.0, timestamp=_1991)

    async def announce(_: object) -> None:
        print("serving", flush=True)  # noqa: T201

    await Context(ioc.pvdb).run(log_pv_names=False, startup_hook=announce)


if __name__ == "__main__":
    asyncio.run(main())
