"""Transport of a result in a log, for a master in a cluster whose only output is its log."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator
from typing import Final

from kindgate.errors import LoadError
from kindgate.load.result import BurstResult

MARKER: Final = "kindgate-result"

_WIDTH: Final = 8000
"""Characters per line: container runtimes split lines of 16 kB, and other output can come between the pieces."""

_LINE: Final = re.compile(rf"^{MARKER} (\d+)/(\d+) ([A-Za-z0-9+/=]+)$", re.MULTILINE)


def result_lines(result: BurstResult) -> Iterator[str]:
    """The lines to print; they can be reordered and mixed with other output."""
    packed = base64.b64encode(zlib.compress(json.dumps(result.to_json()).encode())).decode()
    chunks = [packed[start : start + _WIDTH] for start in range(0, len(packed), _WIDTH)]
    for number, piece in enumerate(chunks, 1):
        yield f"{MARKER} {number}/{len(chunks)} {piece}"


def parse_result(log: str) -> BurstResult:
    """Read the result from a log; raises `LoadError` with the end of the log if it is missing or incomplete."""
    pieces = {int(number): (int(of), piece) for number, of, piece in _LINE.findall(log)}
    if not pieces or len(pieces) != next(iter(pieces.values()))[0]:
        other_output = "\n".join(line for line in log.splitlines() if not line.startswith(MARKER))
        raise LoadError("the master of the load generators reported no result", last_state=other_output)
    packed = "".join(pieces[number][1] for number in sorted(pieces))
    return BurstResult.from_json(json.loads(zlib.decompress(base64.b64decode(packed))))
