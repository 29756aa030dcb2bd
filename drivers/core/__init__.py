"""What all instruments share: link addresses, links with back-off, errors, Modbus, simulators."""
