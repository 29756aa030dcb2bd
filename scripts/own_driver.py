"""An import-linter contract: the IOC of an instrument knows the driver of that instrument only.

Configured in pyproject.toml. import-linter's own contracts can name all IOCs and all drivers by a
wildcard, but not say that both must be of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OwnDriverContract(Contract):
    """`iocs.x` may import `drivers.x` and the shared driver, and nothing else of `drivers`.

    Options:
        iocs, drivers: the two packages.
        shared_driver: the driver package that every IOC may import.
        tools: modules of `iocs` that serve all instruments and may import any driver.
    """

    iocs = fields.StringField()
    drivers = fields.StringField()
    shared_driver = fields.StringField()
    tools = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import of a driver by an IOC."""
        found = sorted(self._foreign_imports(graph))
        return ContractCheck(kept=not found, metadata={"imports": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import with its line."""
        for importer, imported, line in check.metadata["imports"]:
            output.print_error(f"{importer} -> {imported} (l.{line})", bold=False)

    def _foreign_imports(self, graph: ImportGraph) -> Iterator[tuple[str, str, int]]:
        iocs, drivers = str(self.iocs), str(self.drivers)
        for importer in graph.find_descendants(iocs):
            instrument = importer.split(".")[1]
            if instrument in list(self.tools):  # type: ignore[call-overload]
                continue
            allowed = {instrument, str(self.shared_driver)}
            for imported in graph.find_modules_directly_imported_by(importer):
                package, *rest = imported.split(".")
                if package == drivers and rest and rest[0] not in allowed:
                    details = graph.get_import_details(importer=importer, imported=imported)
                    yield importer, imported, details[0]["line_number"]
