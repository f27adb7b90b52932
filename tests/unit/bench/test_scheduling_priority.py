"""Raising and dropping scheduling priority."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import os
from bench.scheduling_priority import realtime_priority
with realtime_priority():
    inside = os.sched_getscheduler(0)
print(inside, os.sched_getscheduler(0))
"""


def test_priority_ends_with_the_block() -> None:
    """Inside the block it is SCHED_RR if permitted; afterward, and without permission, it is the default."""
    policies = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout.split()
    assert policies in (["2", "0"], ["0", "0"])
