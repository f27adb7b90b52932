"""The command that started this process, as it can be given again."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def called_command() -> str:
    """The command that repeats the run elsewhere: the program by its name, not by its path here."""
    program = Path(sys.argv[0])
    name = "pytest" if "pytest" in {program.parent.name, program.name} or program.stem == "py.test" else program.name
    return shlex.join([name, *sys.argv[1:]])
