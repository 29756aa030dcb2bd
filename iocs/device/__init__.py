"""What an IOC is made of: declarations, groups, scans, puts, health."""
