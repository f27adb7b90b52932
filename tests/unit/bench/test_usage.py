"""CPU time by consumer."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.usage import Usage

PROGRAM = "import time\nwhile time.process_time() < 0.2: pass"


class _Server:
    """A server that uses no CPU time."""

    def cpu_seconds(self) -> float:
        """Return zero."""
        return 0.0


def test_cpu_time_of_a_tool_and_of_this_process_is_separated() -> None:
    """A child's CPU time is the tool's; this process's time is counted separately, as kindgate's is."""
    with Usage(_Server()) as usage:
        begun = time.process_time()
        while time.process_time() - begun < 0.1:
            pass
        subprocess.run([sys.executable, "-c", PROGRAM], check=True)

    assert usage.children >= 0.2
    assert usage.this_process >= 0.1
    assert usage.foreign >= 0
