"""Records: value, alarm, limits, fields, conversion; they know no groups, scans or devices."""
