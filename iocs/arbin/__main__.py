"""``python -m iocs.arbin``: run one IOC from flags."""

from __future__ import annotations

from iocs.app.runner import main
from iocs.arbin import INSTRUMENT

if __name__ == "__main__":
    raise SystemExit(main(INSTRUMENT))
