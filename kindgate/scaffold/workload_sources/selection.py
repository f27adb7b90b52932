"""Which requests of a source become routes, and which of them are sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MAX_ROUTES = 100
"""Maximum number of routes of a generated workload: more are not judged, because each gets too few requests."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods that change nothing, so that their routes are sent without a person's decision (RFC 9110, section 9.2.1)."""


@dataclass(frozen=True)
class Selection:
    """`unsafe` writes routes that change data as active ones. `include` are patterns for paths (`/api/*`); none: every path.

    `host` is the application's host in a recording of several (empty: the one of the first page).
    """

    unsafe: bool = False
    include: Sequence[str] = ()
    host: str = ""

    def includes(self, path: str) -> bool:
        """Whether the path matches one of the patterns; the query is not matched."""
        bare = path.partition("?")[0]
        return not self.include or any(fnmatchcase(bare, pattern) for pattern in self.include)
