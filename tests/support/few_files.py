"""Runs a module with few files to open, as a host with a low `ulimit -n` does.

Usage: python -m tests.support.few_files COUNT MODULE [ARGUMENT ...]
"""

from __future__ import annotations

import resource
import runpy
import sys

if __name__ == "__main__":
    count = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
    sys.argv[:3] = [sys.argv[2]]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
