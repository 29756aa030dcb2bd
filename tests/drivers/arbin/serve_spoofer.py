"""The simulated cycler of the public `pycti-arbin` library, on a port: an independent server."""

from __future__ import annotations

import sys
import time

from pyctiarbin.arbinspoofer.arbin_spoofer import ArbinSpoofer

if __name__ == "__main__":
    spoofer = ArbinSpoofer({"ip": "127.0.0.1", "port": int(sys.argv[1]), "num_channels": 4})
    spoofer.update_channel_status(
        2,
        {
            "status": 2,
            "schedule": "A.sdx",
            "testname": "T1",
            "barcode": "B1",
            "voltage_v": 3.5,
            "current_a": 1.25,
            "test_time_s": 100.5,
        },
    )
    spoofer.start()
    while True:
        time.sleep(60.0)
