"""iseg high-voltage modules on CAN (EDCP): codec, device, simulator."""
