"""Programs that keep cores busy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.foreign import busy_cores

KILLED = """
import os
from bench.foreign import busy_cores
with busy_cores(1.0) as (program,):
    print(program.pid, flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize(("cores", "programs"), [(0.0, 0), (0.3, 1), (2.0, 2), (1.5, 2)])
def test_programs_end_with_the_measurement(cores: float, programs: int) -> None:
    """One for each core, also where it is interrupted."""
    started: list[subprocess.Popen[bytes]] = []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(cores, started)

    assert len(started) == programs
    assert all(program.poll() is not None for program in started)


def test_a_killed_measurement_leaves_no_program_behind() -> None:
    """A program ends by itself when the process that started it is gone."""
    pid = int(subprocess.run([sys.executable, "-c", KILLED], check=True, stdout=subprocess.PIPE).stdout)
    deadline = time.monotonic() + 30
    while _runs(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _runs(pid)


def _interrupted(cores: float, started: list[subprocess.Popen[bytes]]) -> None:
    with busy_cores(cores) as running:
        started += running
        assert all(program.poll() is None for program in running)
        raise KeyboardInterrupt


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")  # who adopts it may take time to notice that it has ended
    return stat.rsplit(")", 1)[1].split()[0] != "Z"
