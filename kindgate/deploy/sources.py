"""Where manifests come from: a Kustomize overlay, a folder or file of plain YAML, or a Helm chart, told by what is there."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kindgate.deploy.adapted import adapts, render_adapted
from kindgate.deploy.charts import CHART_FILE, Helm, render_chart
from kindgate.deploy.plain import read_plain
from kindgate.deploy.render import KUSTOMIZATION_NAMES, render, with_components
from kindgate.errors import ManifestError, SettingsError
from kindgate.model import Rendered
from kindgate.waiting import Deadline

NO_HELM = Helm()


class SourceKind(enum.StrEnum):
    """What a path of manifests is."""

    KUSTOMIZE = "Kustomize overlay"
    CHART = "Helm chart"
    PLAIN = "plain manifests"


def source_kind(path: Path) -> SourceKind:
    """What `path` is; a folder that is neither overlay nor chart holds plain manifests, as does a file."""
    if any((path / name).is_file() for name in KUSTOMIZATION_NAMES):
        return SourceKind.KUSTOMIZE
    return SourceKind.CHART if (path / CHART_FILE).is_file() else SourceKind.PLAIN


@dataclass(frozen=True)
class Renderer:
    """Turns sources into objects. `find_helm` finds helm when the first source needs it, or raises."""

    kubectl: Path
    deadline: Deadline
    find_helm: Callable[[], Path]
    helm: Helm = NO_HELM

    def render(self, path: Path, components: Sequence[str] = ()) -> Rendered:
        """The objects of the application at `path`, and of the bundled `components` by name.

        Raises `ManifestError` that names the file, `SettingsError` for Helm's options where there is no chart,
        `ToolError` where helm is needed and not to be had, and `CommandTimeout`.
        """
        return with_components(self._built(path), components, kubectl=self.kubectl, deadline=self.deadline)

    def prerequisite(self, path: Path) -> Rendered:
        """The objects of --app-apply's `path`, to which Helm's options for the application do not apply."""
        if not path.exists():
            raise ManifestError(f"{path}: file or folder not found", next_step="set --app-apply to YAML, a Kustomize folder or a chart")
        return replace(self, helm=Helm(enabled=self.helm.enabled)).render(path)

    def _built(self, path: Path) -> Rendered:
        kind = source_kind(path)
        if kind is SourceKind.CHART:
            return render_chart(path, self.helm, program=self.find_helm(), deadline=self.deadline)
        if kind is SourceKind.PLAIN:
            self._refuse_chart_options(path, kind)
            return read_plain(path)
        if adapts(path):
            return render_adapted(path, self._base, kubectl=self.kubectl, options=self._options(), deadline=self.deadline)
        self._refuse_chart_options(path, kind)
        return render(path, kubectl=self.kubectl, deadline=self.deadline, options=self._options())

    def _base(self, path: Path) -> Rendered | None:
        """What a generated overlay adapts, rendered here; None for a Kustomize folder, which Kustomize builds itself."""
        return None if source_kind(path) is SourceKind.KUSTOMIZE else self._built(path)

    def _options(self) -> tuple[str | Path, ...]:
        return ("--enable-helm", "--helm-command", self.find_helm()) if self.helm.enabled else ()

    def _refuse_chart_options(self, path: Path, kind: SourceKind) -> None:
        given = [flag for flag, value in (("--app-values", self.helm.values), ("--app-release", self.helm.release)) if value]
        if given:
            raise SettingsError(
                f"{given[0]} applies only to Helm charts, not to {path} ({kind})", next_step="remove it, or use the chart's folder"
            )
