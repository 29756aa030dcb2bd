"""Lists for the archiver: what to archive, how, and how often.

Only PVs are listed: which fields (limits) go with them is the archiver's own policy.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from iocs.record.spec import Archive

from .rows import Row, number_text


def archive_request(rows: Sequence[Row], prefix: str) -> str:
    """JSON for the Archiver Appliance: POST it to ``/mgmt/bpl/archivePV``.

    The appliance takes ``samplingperiod`` as a string only and skips PVs that have a number there.
    """
    requests = [
        {
            "pv": name,
            "samplingperiod": _period(archive),
            "samplingmethod": archive.method.upper(),
        }
        for name, archive in _archived(rows, prefix)
    ]
    return json.dumps(requests, indent=1) + "\n"


def archive_list(rows: Sequence[Row], prefix: str) -> str:
    """One ``NAME period method`` a line, as many sites keep in ``*.archive`` files."""
    return "".join(
        f"{name}\t{_period(archive)}\t{archive.method}\n"
        for name, archive in _archived(rows, prefix)
    )


def _archived(rows: Sequence[Row], prefix: str) -> Iterator[tuple[str, Archive]]:
    for row in rows:
        if row.archive is not None:
            yield prefix + row.name, row.archive


def _period(archive: Archive) -> str:
    text = number_text(archive.period)
    return text if "." in text else f"{text}.0"
