"""Everything that can go wrong before anything is created: input is read, checked and planned here."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.deploy.beside import Beside, with_spread_pods
from kindgate.deploy.render import read_manifests, render
from kindgate.deploy.secrets import with_secrets
from kindgate.deploy.substitute import with_image_ids, with_images
from kindgate.deploy.validate import refuse, validate
from kindgate.errors import ManifestError, SettingsError, SloError
from kindgate.host.engine import find_engine
from kindgate.images.source import Progress
from kindgate.model import Rendered
from kindgate.pipeline.app_secrets import asked_secrets, refuse_missing, refuse_unused, secret_values, without_env_source
from kindgate.pipeline.base_version import read_base
from kindgate.pipeline.objectives import read_objectives
from kindgate.pipeline.supply import Supply, find_supply
from kindgate.pipeline.tools import Tools, find_tools
from kindgate.settings import Settings
from kindgate.slo.objectives import Objectives
from kindgate.slo.planning import advice
from kindgate.waiting import Deadline

PREPARE_SECONDS = 1800.0
"""On the first run of a machine without a registry, kubectl itself may have to be compiled."""


@dataclass(frozen=True)
class Prepared:
    """Everything that was read and found good: manifests, tools, images. `base` is the version to compare with, if any."""

    tools: Tools
    rendered: Rendered
    prerequisites: tuple[Rendered, ...]
    supply: Supply | None
    base: Beside | None = None

    @property
    def parts(self) -> tuple[tuple[str, Rendered], ...]:
        """All that is applied, in order, each with what people call it."""
        named = [(part.overlay.name, part) for part in (*self.prerequisites, self.rendered)]
        return (*named, ("the base version", self.base.rendered)) if self.base is not None else tuple(named)


def prepare(settings: Settings, folder: Path, progress: Progress) -> Prepared:
    """Read and check all input; creates nothing but what it puts into `folder`, which is the run's own.

    Raises the `KindgateError` of whatever is wrong: settings, engine, tools, manifests, objectives, images.
    """
    deadline = Deadline.after(PREPARE_SECONDS)
    objectives = read_objectives(settings)
    _refuse_nothing_to_compare(settings, objectives)
    for line in advice(objectives) if settings.slo.compares else ():
        progress(f"note: {line}")
    # the engine is asked while manifests are rendered: both take a good part of a second
    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(find_engine, deadline) if settings.cluster.existing is None else None
        tools = find_tools(settings, deadline, progress)
        rendered, prerequisites = read_application(settings, tools, deadline)
        base = None
        if settings.slo.compares:
            base = read_base(settings, rendered, prerequisites, kubectl=tools.kubectl, folder=folder, deadline=deadline)
            rendered = with_spread_pods(rendered, base.namespaces)
        supply = None
        if engine is not None:
            manifests = (*prerequisites, rendered, *((base.rendered,) if base is not None else ()))
            supply = find_supply(settings, engine.result(), manifests, folder=folder / "images", deadline=deadline, progress=progress)
            ids = supply.image_ids(deadline)
            rendered = with_image_ids(rendered, ids)
            base = replace(base, rendered=with_image_ids(base.rendered, ids)) if base is not None else None
        return Prepared(tools, rendered, prerequisites, supply, base)


def _refuse_nothing_to_compare(settings: Settings, objectives: Objectives) -> None:
    """A second version takes room in the cluster, and is asked for by somebody who expects a verdict about it."""
    if settings.slo.compares and not objectives.compare:
        raise SloError(
            f"there is a base version, and {settings.slo.file} has nothing to compare",
            next_step="write compare: {p(95): {max_regression: 25%}}",
        )


def read_application(settings: Settings, tools: Tools, deadline: Deadline) -> tuple[Rendered, tuple[Rendered, ...]]:
    """The application's manifests, and those that are applied before them, rendered and found valid.

    Raises `ManifestError` that names files and objects, and `SecretsMissing` when only secrets are missing.
    """
    try:
        parts = _rendered(settings, tools.kubectl, deadline)
    except ManifestError as error:
        without = without_env_source(error)
        if without is None:
            raise
        raise without from error
    parts = with_images(parts, dict(item.split("=", 1) for item in settings.images.app_image), "--app-image")
    refuse_unused(settings, parts)
    values = secret_values(settings, os.environ, deadline)
    *prerequisites, rendered = (with_secrets(part, asked_secrets(settings), values) for part in parts)
    existing = settings.cluster.existing is not None
    for part in (*prerequisites, rendered):
        refuse(validate(part, provided=prerequisites, existing=existing))
    refuse_missing(settings, values)
    return rendered, tuple(prerequisites)


def _rendered(settings: Settings, kubectl: Path, deadline: Deadline) -> tuple[Rendered, ...]:
    """What --app-apply and --app-overlay name, in the order in which it is applied."""
    before = (read_manifests(settings.path(path), kubectl=kubectl, deadline=deadline) for path in settings.deploy.apply)
    overlay = settings.path(settings.deploy.overlay)
    return (*before, render(overlay, kubectl=kubectl, deadline=deadline, components=settings.deploy.components))


def check_artifacts_folder(folder: Path) -> None:
    """Make the folder, and raise `SettingsError` when nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"--artifacts {folder}: cannot be written: {error.strerror}", next_step="name a folder that this user may write to"
        ) from error
