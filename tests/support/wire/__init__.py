"""Helpers that sit on the wire between a driver and a simulator."""
