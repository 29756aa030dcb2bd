"""An import-linter contract: no module imports itself, by whatever way round.

import-linter's own contract on circles looks at packages as a whole, and forbids two packages of
which each has a module that the other one needs.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output


class NoCirclesContract(Contract):
    """Nothing that a module imports, imports of annotations among it, leads back to it."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at all modules of the project."""
        imports = {m: graph.find_modules_directly_imported_by(m) for m in graph.modules}
        try:
            TopologicalSorter(imports).prepare()
        except CycleError as error:
            return ContractCheck(kept=False, metadata={"circle": error.args[1]})
        return ContractCheck(kept=True, metadata={"circle": []})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the first circle that was found."""
        output.print_error(" <- ".join(check.metadata["circle"]), bold=False)
