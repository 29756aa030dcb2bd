"""EPICS IOCs for laboratory instruments."""
