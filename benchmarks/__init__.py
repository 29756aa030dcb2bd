"""Benchmarks of the IOC core and the drivers beside their public peers: `python -m benchmarks`."""
