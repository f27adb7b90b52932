"""Helm charts: `helm template` renders a chart to the objects that `helm install` would apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindgate.deploy.manifest_yaml import read_documents
from kindgate.deploy.normalize import normalized, objects_of
from kindgate.deploy.render import display_path
from kindgate.errors import CommandFailed, ManifestError
from kindgate.host.command import run
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.waiting import Deadline

CHART_FILE = "Chart.yaml"

_HOOK = "helm.sh/hook"
_INSTALL_HOOKS = frozenset({"pre-install", "post-install", "crd-install"})
"""Hooks that run on installation; others belong to upgrades, rollbacks, deletions and `helm test`."""

_SOURCE = re.compile(r"^# Source: (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Helm:
    """Helm's options. Later `values` files override earlier ones; `enabled` lets a kustomization's `helmCharts:` run helm."""

    values: tuple[Path, ...] = ()
    release: str = ""
    namespace: str = ""
    enabled: bool = False


def render_chart(chart: Path, helm: Helm, *, program: Path, deadline: Deadline) -> Rendered:
    """Render a chart, its CustomResourceDefinitions first. Raises `ManifestError` with helm's own message."""
    for file in helm.values:
        if not file.is_file():
            raise ManifestError(f"--app-values {file}: file not found")
    release = helm.release or release_name(chart)
    arguments: list[str | Path] = [program, "template", release, chart, "--include-crds", "--skip-tests"]
    arguments += ["--namespace", helm.namespace or "default", *(part for file in helm.values for part in ("--values", file))]
    try:
        text = run(arguments, deadline=deadline).stdout
    except CommandFailed as error:
        raise ManifestError(
            f"{chart}: helm failed to render it: {_first_line(error.stderr)}",
            last_state=error.stderr,
            next_step=_next_step(chart, error.stderr),
        ) from error
    templated = list(_objects(text, chart))
    applied = [(item, file) for item, file in templated if _is_installed(item)]
    if not applied:
        raise ManifestError(f"{chart}: helm rendered no objects", next_step="pass the chart's values with --app-values FILE")
    skipped = [ObjectRef.of(item) for item, _ in templated if not _is_installed(item)]
    rendered = Rendered(
        overlay=chart,
        objects=tuple(item for item, _ in applied),
        origins={ObjectRef.of(item): file for item, file in applied if file},
        notes=tuple(f"{ref} is a Helm hook that does not run on installation: skipped" for ref in skipped),
    )
    if not helm.namespace:
        return rendered
    (placed,) = normalized((rendered,), namespace=helm.namespace, create_namespaces=False)
    return placed


def release_name(chart: Path) -> str:
    """Return the chart's name as a valid release name."""
    documents = read_documents((chart / CHART_FILE).read_text(), str(chart / CHART_FILE))
    name = str(documents[0].get("name") or chart.name) if documents and isinstance(documents[0], dict) else chart.name
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:53] or "app"


def _objects(text: str, chart: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each object with its template, which helm names in a comment above it."""
    for part in re.split(r"^---\s*$", text, flags=re.MULTILINE):
        source = _SOURCE.search(part)
        file = display_path(chart / source[1].partition("/")[2]) if source else ""
        yield from ((item, file) for item in objects_of(read_documents(part, file or str(chart)), file or str(chart)))


def _is_installed(item: Manifest) -> bool:
    hooks = str(((item.get("metadata") or {}).get("annotations") or {}).get(_HOOK, ""))
    return not hooks or bool(_INSTALL_HOOKS & {hook.strip() for hook in hooks.split(",")})


def _first_line(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip() and not line.startswith(("WARNING", "level=", "time="))]
    return lines[0].removeprefix("Error: ").strip() if lines else "no error output"


def _next_step(chart: Path, stderr: str) -> str:
    if "missing in charts/ directory" in stderr or "helm dependency" in stderr:
        return f"run `helm dependency build {chart}` to fetch its dependencies"
    return f"reproduce it with `helm template {chart}`; pass values with --app-values FILE"
