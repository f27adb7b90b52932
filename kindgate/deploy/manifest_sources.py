"""Manifest sources: a Kustomize overlay, a folder or file of plain YAML, or a Helm chart, detected from the files."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.deploy.adapted_overlays import is_adapted_overlay, render_adapted
from kindgate.deploy.helm_charts import CHART_FILE, Helm, render_chart
from kindgate.deploy.plain_manifests import read_plain
from kindgate.deploy.render import KUSTOMIZATION_NAMES, render, with_components
from kindgate.errors import ManifestError, SettingsError
from kindgate.model import Rendered
from kindgate.waiting import Deadline

NO_HELM = Helm()


class SourceKind(enum.StrEnum):
    """The type of a manifest source."""

    KUSTOMIZE = "Kustomize overlay"
    CHART = "Helm chart"
    PLAIN = "plain manifests"


def source_kind(path: Path) -> SourceKind:
    """Return the type of `path`; a file, or a folder that is neither overlay nor chart, has plain manifests."""
    if any((path / name).is_file() for name in KUSTOMIZATION_NAMES):
        return SourceKind.KUSTOMIZE
    return SourceKind.CHART if (path / CHART_FILE).is_file() else SourceKind.PLAIN


@dataclass(frozen=True)
class Renderer:
    """Renders sources to objects. `find_helm` locates helm when a source first needs it, or raises."""

    kubectl: Path
    deadline: Deadline
    find_helm: Callable[[], Path]
    helm: Helm = NO_HELM

    def render(self, path: Path, components: Sequence[str] = ()) -> Rendered:
        """Render the application at `path` and the named bundled `components`.

        Raises `ManifestError` that names the file, `SettingsError` for Helm options without a chart, `ToolError` if helm is
        needed but unavailable, and `CommandTimeout`.
        """
        return with_components(self._render_source(path), components, kubectl=self.kubectl, deadline=self.deadline)

    def prerequisite(self, path: Path) -> Rendered:
        """Render --app-apply's `path`, to which the application's Helm options do not apply."""
        if not path.exists():
            raise ManifestError(f"{path}: file or folder not found", next_step="set --app-apply to YAML, a Kustomize folder or a chart")
        return replace(self, helm=Helm(enabled=self.helm.enabled)).render(path)

    def _render_source(self, path: Path) -> Rendered:
        kind = source_kind(path)
        if kind is SourceKind.CHART:
            return render_chart(path, self.helm, program=self.find_helm(), deadline=self.deadline)
        if kind is SourceKind.PLAIN:
            self._refuse_chart_options(path, kind)
            return read_plain(path)
        if is_adapted_overlay(path):
            return render_adapted(path, self._render_base, kubectl=self.kubectl, options=self._options(), deadline=self.deadline)
        self._refuse_chart_options(path, kind)
        return render(path, kubectl=self.kubectl, deadline=self.deadline, options=self._options())

    def _render_base(self, path: Path) -> Rendered | None:
        """Render a source that a generated overlay adapts; None for a Kustomize folder, which Kustomize builds itself."""
        return None if source_kind(path) is SourceKind.KUSTOMIZE else self._render_source(path)

    def _options(self) -> tuple[str | Path, ...]:
        return ("--enable-helm", "--helm-command", self.find_helm()) if self.helm.enabled else ()

    def _refuse_chart_options(self, path: Path, kind: SourceKind) -> None:
        chart_options = [flag for flag, value in (("--app-values", self.helm.values), ("--app-release", self.helm.release)) if value]
        if chart_options:
            raise SettingsError(
                f"{chart_options[0]} applies only to Helm charts, not to {path} ({kind})", next_step="remove it, or use the chart's folder"
            )
