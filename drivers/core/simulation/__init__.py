"""Plumbing for simulators: servers on real ports, faults to switch on, one command line."""
