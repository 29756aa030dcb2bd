"""The cycler's IOC end to end: real simulator, real wire, real clients."""
