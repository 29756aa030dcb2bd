"""A simulated CAN line, and the ports on which programs reach it as they reach a real one."""
