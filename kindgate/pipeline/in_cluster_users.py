"""The users of a locustfile in pods of the cluster: the files that the pods get, and how their Locust is started."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

from kindgate import assets
from kindgate.errors import LoadError
from kindgate.images.build.python_images import SITE
from kindgate.load.locust_settings import PLAN
from kindgate.load.locust_users import RECORDER, locust_options
from kindgate.load.locustfile_parts import locustfile_parts
from kindgate.load.plan import BurstPlan
from kindgate.load.program import LocustUsers

_MAX_WAIT: Final = "120"
"""Seconds for all workers to join the master."""


@dataclass(frozen=True)
class UserPods:
    """The plan as pods read it, and the files that are mounted next to it in `folder`."""

    plan: BurstPlan
    program: LocustUsers
    files: Mapping[str, str]
    folder: str

    @property
    def _locustfiles(self) -> str:
        return f"{SITE}/kindgate/load/{RECORDER.name},{self.program.locustfile}"

    def master(self, container: Mapping[str, Any]) -> dict[str, Any]:
        """The master's container."""
        workers = str(self.program.workers)
        arguments = [
            *("-m", "locust", "-f", self._locustfiles, "--headless", "--only-summary", "--master"),
            *("--expect-workers", workers, "--expect-workers-max-wait", _MAX_WAIT),
        ]
        return {**container, "args": [*arguments, *locust_options(self.plan, self.program)]}

    def worker(self, container: Mapping[str, Any]) -> dict[str, Any]:
        """A worker's container."""
        return {
            **container,
            "args": ["-m", "locust", "-f", self._locustfiles, "--worker", "--master-host", "load-master"],
            "env": [*container.get("env", ()), {"name": PLAN, "value": f"{self.folder}/plan.json"}],
        }


def user_pods(plan: BurstPlan, program: LocustUsers, workers: int, folder: str, *, own_image: bool) -> UserPods:
    """The pods of `workers` workers, with all files in `folder`.

    Raises `LoadError` for a locustfile that cannot be sent; `own_image` is an image of the user's, whose packages are unknown.
    """
    locustfile = Path(program.locustfile)
    parts = locustfile_parts(locustfile)
    if not own_image:
        _refuse_missing_packages(locustfile, parts.packages)
    mounted = replace(program, locustfile=f"{folder}/{locustfile.name}", workers=workers)
    return UserPods(replace(plan, program=mounted), mounted, parts.files, folder)


def _refuse_missing_packages(locustfile: Path, packages: Collection[str]) -> None:
    """Raise `LoadError` for packages that the image of the load generators does not have."""
    requirements = assets.manifests() / "images" / "load-generator" / "requirements.txt"
    included = {_normalized(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", requirements.read_text(encoding="utf-8"), re.MULTILINE)}
    distributions = packages_distributions()
    missing = sorted(
        name for name in packages if included.isdisjoint(map(_normalized, (name, *distributions.get(name, ())))) and name != "kindgate"
    )
    if missing:
        raise LoadError(
            f"{locustfile} imports {', '.join(missing)}, which the image of the load generators does not have",
            next_step="build an image with it on top of that one, and select it with --worker-image",
        )


def _normalized(name: str) -> str:
    """A name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
