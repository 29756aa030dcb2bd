"""Runs `python -m MODULE` pinned to one core, without privileges a service would not have.

Usage: python launch.py PARENT_PID CORE MODULE [ARGUMENT ...]

It dies with the process that started it. As root it gives up CAP_IPC_LOCK and CAP_SYS_NICE: with
them EPICS Base locks all its memory and takes real-time priority, which no service account has.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_CAPBSET_DROP = 24
_CAP_IPC_LOCK = 14  # linux/capability.h
_CAP_SYS_NICE = 23


def main() -> None:
    """Pin, give up, and become the program."""
    parent, core, *command = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_CAP_IPC_LOCK, _CAP_SYS_NICE):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails for those who have none to lose
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != int(parent):
        raise SystemExit("the benchmark that started this has ended")
    os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    main()
