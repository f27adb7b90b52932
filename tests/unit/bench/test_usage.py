"""CPU time by whom it was used."""

from __future__ import annotations

import subprocess
import sys
import time

from bench.usage import Usage

PROGRAM = "import time\nwhile time.process_time() < 0.2: pass"


class _Server:
    """A server that uses no CPU time."""

    def cpu_seconds(self) -> float:
        """None."""
        return 0.0


def test_a_tool_and_this_process_are_told_apart() -> None:
    """What a child uses is the tool's; what this process uses, as kindgate's own does, is counted by itself."""
    with Usage(_Server()) as usage:
        begun = time.process_time()
        while time.process_time() - begun < 0.1:
            pass
        subprocess.run([sys.executable, "-c", PROGRAM], check=True)

    assert usage.own >= 0.2
    assert usage.this >= 0.1
    assert usage.foreign >= 0
