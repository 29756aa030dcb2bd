"""``python -m iocs.arbin``: run one IOC from flags."""

from __future__ import annotations

from iocs.arbin import INSTRUMENT
from iocs.core.runner import main

if __name__ == "__main__":
    raise SystemExit(main(INSTRUMENT))
