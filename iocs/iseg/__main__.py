"""``python -m iocs.iseg``: run one IOC from flags."""

from __future__ import annotations

from iocs.app.runner import main
from iocs.iseg import INSTRUMENT

if __name__ == "__main__":
    raise SystemExit(main(INSTRUMENT))
