"""Stand-ins for the actions in our workflows: their effects on the machine, the artifacts and the cache."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tests.player.artifacts import ActionFailed, ArtifactStore, download, upload
from tests.player.machine import Machine


@dataclass(frozen=True)
class Call:
    """One step that uses an action: its inputs and the `github` context."""

    machine: Machine
    inputs: Mapping[str, str]
    github: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """An input; an empty one counts as missing."""
        return self.inputs.get(name) or default

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean input."""
        return self.text(name, str(default)).lower() == "true"

    def path(self, text: str) -> Path:
        """A path from an input: `~` is the machine's home folder, relative paths start at the workspace."""
        return self.machine.home / text.removeprefix("~/") if text.startswith("~/") else self.machine.workspace / text

    @property
    def run(self) -> int:
        """The run's ID."""
        return int(self.github["run_id"])


@dataclass(frozen=True)
class Outcome:
    """An action's outputs and log."""

    outputs: Mapping[str, str] = field(default_factory=dict)
    log: str = ""


class Clone(Protocol):
    """Check out a commit of a repository into a folder, with `depth` commits of history (0: all)."""

    def __call__(self, repository: str, ref: str, target: Path, depth: int) -> None:
        """Raise `subprocess.CalledProcessError` if the commit does not exist."""


@dataclass
class CacheStore:
    """Caches by scope (a ref) and key. A run reads those of its own ref and of the default branch, and writes its own."""

    folder: Path
    default_ref: str = "refs/heads/main"
    entries: dict[tuple[str, str], Path] = field(default_factory=dict)

    def restore(self, ref: str, key: str, prefixes: list[str], target: Path) -> str:
        """Copy the best match into `target`; return its key, or an empty string."""
        for scope in (ref, self.default_ref):
            keys = [known for where, known in self.entries if where == scope]
            matches = [known for known in keys if known == key]
            for prefix in prefixes:
                matches = matches or [known for known in keys if known.startswith(prefix)]
            if matches:
                shutil.copytree(self.entries[scope, matches[-1]], target, dirs_exist_ok=True)
                return matches[-1]
        return ""

    def save(self, ref: str, key: str, source: Path) -> None:
        """Store a folder, if it exists and the key is new in this scope."""
        if (ref, key) in self.entries or not source.is_dir():
            return
        stored = self.folder / str(len(self.entries))
        shutil.copytree(source, stored)
        self.entries[ref, key] = stored


@dataclass(frozen=True)
class Actions:
    """The supported actions, with their state. `python` is the folder that setup-python puts on the PATH."""

    store: ArtifactStore
    cache: CacheStore
    clone: Clone
    python: Path
    may_read_runs: Callable[[str], bool] = bool
    """Whether a token may read another run's artifacts."""

    def known(self) -> Mapping[str, Callable[[Call], Outcome]]:
        """Stand-ins by action name without version."""
        return {
            "actions/checkout": self._checkout,
            "actions/setup-python": self._setup_python,
            "actions/cache": self._cache,
            "actions/cache/restore": self._restore,
            "actions/cache/save": self._save,
            "actions/upload-artifact": self._upload,
            "actions/download-artifact": self._download,
            "github/codeql-action/upload-sarif": lambda call: Outcome(log=f"uploaded {call.text('sarif_file')}"),
        }

    def _checkout(self, call: Call) -> Outcome:
        repository = call.text("repository", call.github["repository"])
        ref = call.text("ref", call.github["sha"] if repository == call.github["repository"] else "HEAD")
        self.clone(repository, ref, call.path(call.text("path", ".")), int(call.text("fetch-depth", "1")))
        return Outcome({"commit": ref}, f"checked out {repository} at {ref}")

    def _setup_python(self, call: Call) -> Outcome:
        call.machine.paths.append(str(self.python))
        return Outcome({"python-version": call.text("python-version"), "python-path": str(self.python / "python")})

    def _restore(self, call: Call) -> Outcome:
        key = call.text("key")
        found = self.cache.restore(call.github["ref"], key, call.text("restore-keys").split(), call.path(call.text("path")))
        outputs = {"cache-hit": str(found == key).lower() if found else "", "cache-matched-key": found, "cache-primary-key": key}
        return Outcome(outputs, f"cache restored from {found}" if found else f"no cache for {key}")

    def _save(self, call: Call) -> Outcome:
        self.cache.save(call.github["ref"], call.text("key"), call.path(call.text("path")))
        return Outcome(log=f"cache {call.text('key')} saved")

    def _cache(self, call: Call) -> Outcome:
        outcome = self._restore(call)
        if outcome.outputs["cache-hit"] != "true":
            call.machine.posts.append(partial(self._save, call))
        return outcome

    def _upload(self, call: Call) -> Outcome:
        paths = [line.strip() for line in call.text("path").splitlines() if line.strip()]
        artifact, log = upload(
            self.store,
            call.run,
            call.machine.workspace,
            call.text("name"),
            paths,
            missing=call.text("if-no-files-found", "warn"),
            archive=call.flag("archive", default=True),
        )
        if artifact is None:
            return Outcome(log=log)
        address = f"{call.github['server_url']}/{call.github['repository']}/actions/runs/{artifact.run}/artifacts/{artifact.number}"
        return Outcome({"artifact-id": str(artifact.number), "artifact-url": address}, log)

    def _download(self, call: Call) -> Outcome:
        run = int(call.text("run-id", str(call.run)))
        if run != call.run and not self.may_read_runs(call.text("github-token")):
            raise ActionFailed("Resource not accessible by integration")
        target = call.path(call.text("path", "."))
        name, pattern = call.text("name"), call.text("pattern")
        return Outcome(
            {"download-path": str(target)},
            download(self.store, run, target, name=name, pattern=pattern, merge=call.flag("merge-multiple", default=False)),
        )
