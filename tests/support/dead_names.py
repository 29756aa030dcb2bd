"""Runs a module where no name server answers: whoever looks up a name waits for ever.

Usage: python -m tests.support.dead_names MODULE [ARGUMENT ...]
"""

from __future__ import annotations

import ipaddress
import runpy
import socket
import sys
import threading
from typing import Any

_look_up = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    try:
        if host is not None:
            ipaddress.ip_address(host)
    except ValueError:
        sys.stderr.write(f"looking up {host}\n")
        threading.Event().wait()
    return _look_up(host, *arguments, **options)


if __name__ == "__main__":
    socket.getaddrinfo = _getaddrinfo
    sys.argv[:2] = [sys.argv[1]]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
