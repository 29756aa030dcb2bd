"""Runs ``python -m MODULE ...`` without root's right to pass over the permissions of files.

Usage: python -m tests.support.unprivileged MODULE [ARGUMENT ...]
"""

from __future__ import annotations

import ctypes
import runpy
import sys

_VERSION_3 = 0x20080522  # linux/capability.h


def drop_capabilities() -> None:
    """Give up every capability of this thread and those that it starts."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError(ctypes.get_errno(), "capset failed")


if __name__ == "__main__":
    drop_capabilities()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
