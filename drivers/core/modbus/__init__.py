"""Modbus over TCP, RTU in TCP and serial lines: read and write registers, each answer checked."""

from __future__ import annotations

from .bus import ModbusBus, ModbusUnit

__all__ = ["ModbusBus", "ModbusUnit"]
