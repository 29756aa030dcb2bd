"""Everything a facility derives from an IOC's declaration: record database, lists, tables."""
