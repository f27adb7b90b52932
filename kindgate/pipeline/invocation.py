"""The command line of this process, in a form that can be run again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def called_command() -> str:
    """A command that repeats the run elsewhere: the program by name, not by its path on this machine."""
    program = Path(sys.argv[0])
    name = "pytest" if "pytest" in {program.parent.name, program.name} or program.stem == "py.test" else program.name
    return shlex.join([name, *sys.argv[1:]])
