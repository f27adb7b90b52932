"""Another repository with kindgate installed from a wheel, and a developer's actions in it."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kindgate import assets
from kindgate.host.binaries import provide_binary
from kindgate.host.container_engine import find_engine
from kindgate.host.paths import cache_dir
from kindgate.images.build.catalogue import read_catalogue
from kindgate.waiting import Deadline

ROOT = Path(__file__).parents[2]
SHOP = Path(__file__).parent / "shop"
COMMAND_SECONDS = 900.0
FOREIGN = ("GITHUB_", "ACTIONS_", "RUNNER_", "PYTEST_", "COV_", "CI")
"""Prefixes of environment variables that this test run must not pass on."""


def build_wheel(folder: Path) -> Path:
    """Build this tree's wheel."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    return wheel


def static_server() -> Path:
    """A program that needs no base image, compiled or taken from the cache or the seed."""
    folder = assets.manifests() / "images"
    recipe = read_catalogue(folder / "catalogue.yaml").recipe("http-echo", folder)
    seed = os.environ.get("KINDGATE_IMAGE_SEED")
    return provide_binary(
        recipe, cache=cache_dir() / "binaries", seed=Path(seed) if seed else None, deadline=Deadline.after(COMMAND_SECONDS), progress=print
    )


@dataclass
class Adopted:
    """The repository in `folder`, and its developer's environment."""

    folder: Path
    environment: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, environment: Path) -> Adopted:
        """The shop before kindgate, committed."""
        shutil.copytree(SHOP, folder)
        shutil.copy2(static_server(), folder / "http-echo")
        for arguments in (["init", "--quiet", "-b", "main"], ["add", "-A"], ["commit", "--quiet", "-m", "The shop"]):
            identity = ["-c", "user.name=dev", "-c", "user.email=dev@example.org"]
            subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, timeout=60)
        return cls(folder, environment)

    def forget_images(self, *names: str) -> None:
        """Remove images from the engine, left by an earlier run or built by this one."""
        engine = find_engine(Deadline.after(60))
        for name in names:
            engine.run("rmi", "--force", name, deadline=Deadline.after(60), check=False)

    def run(self, command: str | Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a developer's command and record its duration under its text, with the engine that kindgate finds."""
        engine = find_engine(Deadline.after(60))
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        path = os.pathsep.join([str(self.environment / "bin"), str(engine.command.parent), kept["PATH"]])
        started = time.monotonic()
        result = subprocess.run(
            command,
            shell=isinstance(command, str),
            cwd=self.folder,
            env={**kept, **engine.environment, "PATH": path, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        name = command if isinstance(command, str) else " ".join(command)
        self.seconds[name] = time.monotonic() - started
        print(f"$ {name}\n{result.stdout}[exit code {result.returncode}, {self.seconds[name]:.1f} s]\n")
        return result

    def change(self, file: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a file."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new, 1))

    def cpu_seconds(self, command: Sequence[str]) -> float:
        """User and system CPU time of a command: close to the wall-clock time on an idle machine, with some noise."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        path = f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(command, cwd=self.folder, env={**os.environ, "PATH": path}, check=False, timeout=120, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
