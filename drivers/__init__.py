"""Instruments over the wire: links, protocols, devices and simulators. Knows nothing of EPICS."""
