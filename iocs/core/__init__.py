"""The façade over caproto: everything that an IOC is made of, whatever its instrument."""
