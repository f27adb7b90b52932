"""External programs of a run: kubectl always, kind if kindgate creates the cluster, helm if there are charts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kindgate import assets
from kindgate.deploy.helm_charts import Helm
from kindgate.deploy.manifest_sources import Renderer
from kindgate.host.binaries import Recipe
from kindgate.host.tools import find_tool
from kindgate.host.tools_lock import ToolName
from kindgate.images.build.catalogue import read_catalogue
from kindgate.progress import Progress
from kindgate.settings import Settings
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Tools:
    """Verified programs; `kind` is None on an existing cluster."""

    kubectl: Path
    kind: Path | None


def find_kubectl(settings: Settings, deadline: Deadline, progress: Progress) -> Path:
    """Find, download or compile kubectl; raises `ToolError`."""
    catalogue = assets.manifests() / "images"
    recipe = read_catalogue(catalogue / "catalogue.yaml").recipe("kube", catalogue)
    return _find("kubectl", settings, deadline, progress, requested=settings.cluster.kubectl_bin, recipe=recipe)


def find_tools(settings: Settings, deadline: Deadline, progress: Progress) -> Tools:
    """Find, download or compile the run's programs; raises `ToolError`."""
    kubectl = find_kubectl(settings, deadline, progress)
    if settings.cluster.existing is not None:
        return Tools(kubectl, None)
    return Tools(kubectl, _find("kind", settings, deadline, progress, requested=settings.cluster.kind_bin))


def renderer(settings: Settings, kubectl: Path, deadline: Deadline, progress: Progress = lambda _line: None) -> Renderer:
    """The renderer of the application's manifests; helm is found when a chart needs it."""
    deploy = settings.deploy
    helm = Helm(tuple(settings.path(file) for file in deploy.values), deploy.release, deploy.namespace, deploy.enable_helm)
    return Renderer(kubectl, deadline, lambda: _find("helm", settings, deadline, progress), helm)


def _find(
    name: ToolName, settings: Settings, deadline: Deadline, progress: Progress, *, requested: str = "", recipe: Recipe | None = None
) -> Path:
    return find_tool(
        name,
        requested=requested,
        recipe=recipe,
        seed=_seed(settings),
        from_source=settings.images.from_source,
        deadline=deadline,
        progress=progress,
    )


def _seed(settings: Settings) -> Path | None:
    return settings.path(settings.images.seed) if settings.images.seed is not None else None
