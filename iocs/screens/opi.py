"""All files of the folder ``opi`` for some IOCs: screens, trends, the index that leads to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iocs.export.bob import Display
from iocs.export.target import Target, screen_names

from .catalog import Ioc
from .detail import details
from .health import health
from .index import index, wrong
from .layout import layout_of
from .trend import trend, trend_file
from .wall import tile, wall


def opi_files(targets: Sequence[Target]) -> Iterator[tuple[str, str]]:
    """Name and text of every file, in a fixed order.

    IOCs that look the same share their screens.
    """
    named = list(screen_names(targets))
    iocs: dict[str, Ioc] = {}
    for target, file in named:
        iocs.setdefault(file, Ioc(target, file))
    displays: list[Display] = [index(named), wrong(named), wall(named)]
    for ioc in iocs.values():
        layout = layout_of(ioc.instrument)
        displays += [*layout.main(ioc), tile(ioc, layout.row(ioc))]
        displays += [trend(ioc, layout.curves(ioc)), health(ioc), *details(ioc)]
    for display in displays:
        yield display.file, display.text
    for ioc in iocs.values():
        yield f"{ioc.file}.plt", trend_file(ioc, layout_of(ioc.instrument))
