"""What kindgate tells its locustfiles, and where they put the result: environment variables of Locust's processes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

from kindgate.load.plan import BurstPlan
from kindgate.load.result import BurstResult
from kindgate.load.result_log import result_lines

PLAN: Final = "KINDGATE_LOAD_PLAN"
"""Path of the plan as JSON."""

RESULT: Final = "KINDGATE_LOAD_RESULT"
"""Of the master: output file for the merged result; `-` prints it (`kindgate.load.result_log`)."""

HEARTBEATS: Final = "KINDGATE_LOAD_HEARTBEATS"
"""Of the master: seconds without a heartbeat after which a worker is lost."""


def planned() -> BurstPlan:
    """The plan of the burst."""
    return BurstPlan.from_json(json.loads(Path(os.environ[PLAN]).read_text(encoding="utf-8")))


def heartbeats() -> int:
    """Seconds without a heartbeat after which a worker is lost."""
    return int(os.environ[HEARTBEATS])


def output(result: BurstResult) -> None:
    """Write the merged result to where the process that started Locust reads it."""
    destination = os.environ[RESULT]
    if destination == "-":
        sys.stdout.writelines(f"{line}\n" for line in result_lines(result))
        sys.stdout.flush()
    else:
        Path(destination).write_text(json.dumps(result.to_json()), encoding="utf-8")
