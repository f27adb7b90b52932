"""The baseline of an application: another overlay, the state at a git ref, or other images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kindgate.cluster.kubeconfig import context_namespace
from kindgate.deploy.adapted_overlays import is_adapted_overlay
from kindgate.deploy.baseline import Baseline, place_baseline
from kindgate.deploy.confinement import with_enforcement
from kindgate.deploy.gateways import with_gateways
from kindgate.deploy.manifest_images import with_images
from kindgate.deploy.metrics_api import METRICS_SERVER
from kindgate.deploy.nginx_annotations import with_implied_class
from kindgate.deploy.normalize import DEFAULT_NAMESPACE, normalized
from kindgate.deploy.render import render_component
from kindgate.deploy.tls import with_run_certificates
from kindgate.deploy.validate import raise_for_errors, validate
from kindgate.errors import CommandFailed, SettingsError
from kindgate.host.command import run
from kindgate.model import ObjectRef, Rendered
from kindgate.pipeline.app_secrets import AppSecrets
from kindgate.pipeline.run_tools import Tools, renderer
from kindgate.settings import Settings
from kindgate.waiting import Deadline


def read_baseline(
    settings: Settings,
    head: Rendered,
    prerequisites: tuple[Rendered, ...],
    tools: Tools,
    secrets: AppSecrets,
    *,
    folder: Path,
    deadline: Deadline,
) -> Baseline:
    """Render the baseline set by --slo-base and --slo-base-image, renamed so it can be deployed alongside `head`.

    A git ref is checked out under `folder` while it is rendered. Raises `SettingsError` for an unknown ref, and
    `ManifestError` for unusable manifests.
    """
    with _baseline_overlay(settings, folder, deadline) as overlay:
        rendered = renderer(settings, tools.kubectl, deadline).render(overlay, settings.deploy.components)
    (rendered,) = with_images((rendered,), settings.slo.base_images, "--slo-base-image")
    existing = settings.cluster.existing is not None
    parts = normalized((*prerequisites, rendered), namespace=default_namespace(settings), create_namespaces=not existing)
    *_, rendered = with_implied_class(parts)
    rendered = secrets.added_to(rendered)
    if not existing:
        *_, rendered = with_run_certificates(normalized(with_gateways((*prerequisites, rendered))))
    raise_for_errors(validate(rendered, provided=prerequisites, existing=existing))
    baseline = place_baseline(head, rendered)
    (placed,) = normalized((baseline.rendered,), create_namespaces=not existing)
    if settings.deploy.pod_security == "baseline":
        placed = with_enforcement(placed, bundled_objects(settings, tools.kubectl, deadline))
    return replace(baseline, rendered=placed)


def bundled_objects(settings: Settings, kubectl: Path, deadline: Deadline) -> frozenset[ObjectRef]:
    """Objects of the bundled components that may be applied: they are kindgate's own and exempt from the Pod Security level."""
    names = {*settings.deploy.components, *([METRICS_SERVER] if settings.autoscaling else ())}
    parts = [render_component(name, kubectl=kubectl, deadline=deadline) for name in sorted(names)]
    return frozenset(ObjectRef.of(item) for part in normalized(parts) for item in part.objects)


def default_namespace(settings: Settings) -> str:
    """Namespace of objects without one: the context's on an existing cluster, otherwise `default`."""
    if settings.cluster.existing is None:
        return DEFAULT_NAMESPACE
    return context_namespace(settings.path(settings.cluster.existing), settings.cluster.context)


@contextmanager
def checked_out(ref: str, root: Path, folder: Path, deadline: Deadline) -> Iterator[Path]:
    """Check out `ref` of the repository of `root` into a work tree in `folder`, and remove it after the block.

    Yields the work tree's top folder. Raises `SettingsError` if git does not know the ref.
    """
    try:
        commit = _git(root, deadline, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
    except CommandFailed as error:
        raise SettingsError(
            f"--slo-base {ref}: neither an overlay's folder nor a commit known to git",
            last_state=error.last_state,
            next_step=f"if a shallow checkout lacks the branch, run `git fetch origin {ref}` and use origin/{ref}",
        ) from error
    folder.parent.mkdir(parents=True, exist_ok=True)
    _git(root, deadline, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        _git(root, deadline, "worktree", "remove", "--force", str(folder))


@contextmanager
def _baseline_overlay(settings: Settings, folder: Path, deadline: Deadline) -> Iterator[Path]:
    base, current = settings.slo.base, settings.path(settings.deploy.overlay)
    if not base:
        yield current
    elif settings.path(Path(base)).is_dir():
        yield settings.path(Path(base))
    else:
        with checked_out(base, settings.root, folder / "base", deadline) as top:
            overlay = top / _in_repository(settings, deadline)
            if not overlay.exists() and current.is_dir() and is_adapted_overlay(current):
                shutil.copytree(current, overlay)  # the suite is newer than the baseline: its overlay adapts the baseline too
            yield overlay


def _in_repository(settings: Settings, deadline: Deadline) -> Path:
    """The overlay's path relative to the top of its repository."""
    overlay, top = settings.path(settings.deploy.overlay).resolve(), Path(_git(settings.root, deadline, "rev-parse", "--show-toplevel"))
    if not overlay.is_relative_to(top.resolve()):
        raise SettingsError(
            f"--slo-base {settings.slo.base}: git has no other version of {settings.deploy.overlay}, which is outside {top}",
            next_step="use the baseline's own overlay: --slo-base OVERLAY",
        )
    return overlay.relative_to(top.resolve())


def _git(root: Path, deadline: Deadline, *arguments: str) -> str:
    """Output of git, with hooks disabled: a private checkout must not trigger the user's hooks."""
    return run(["git", "-C", root, "-c", "core.hooksPath=/dev/null", *arguments], deadline=deadline).stdout.strip()
