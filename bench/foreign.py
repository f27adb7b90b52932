"""Other programs on the machine, as a measurement can have them: processes of ordinary priority that use so much CPU time."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LEVELS = (0.0, 0.3, 1.0, 2.0)
"""Cores that others use in the runs that are kept (`python -m bench.record --foreign CORES`)."""

_PROGRAM = """
import os, sys, time
share, parent = float(sys.argv[1]), int(sys.argv[2])
while os.getppid() == parent:  # whoever started it may have been killed
    begun = time.monotonic()
    while time.monotonic() - begun < 0.02 * share:
        pass
    time.sleep(0.02 * (1 - share))
"""


@contextmanager
def busy_cores(cores: float) -> Iterator[Sequence[subprocess.Popen[bytes]]]:
    """Keep `cores` cores busy meanwhile, by as many processes, one of them for a part of the time; gives the processes."""
    programs: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(math.ceil(cores)):
            share = min(1.0, cores - number)
            programs.append(subprocess.Popen([sys.executable, "-c", _PROGRAM, str(share), str(os.getpid())]))
        yield programs
    finally:
        for program in programs:
            program.kill()
        for program in programs:
            program.wait()
