"""Choose a repository's manifests to judge, as a person would, and give the reason."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kindgate.errors import ManifestError
from kindgate.scaffold.repository_tree import Tree

PREFERRED = (
    *("kindgate", "ci", "kind", "e2e", "test", "testing", "tests", "integration"),
    *(
        "minikube",
        "k3d",
        "local",
        "localhost",
        "dev",
        "develop",
        "development",
        "skaffold",
        "sandbox",
        "preview",
        "staging",
        "stage",
        "default",
    ),
)
"""Names of overlays and values files suited to kindgate's purpose, most likely first."""

_PRODUCTION = frozenset({"prod", "production", "prd", "live", "release"})
_FOLDERS = ("k8s", "kubernetes", "kubernetes-manifests", "kube", "manifests", "deploy", "deployment", "deployments", "k8", "infra")
"""Usual names of manifest folders, most common first."""

_EXAMPLE_FOLDERS = frozenset({"tests", "test", "examples", "example", "samples", "docs", "doc", "hack", "archive", "old", "deprecated"})
"""Folders whose manifests count only if there are no others; as an overlay's own name they are fine."""


@dataclass(frozen=True)
class Choice:
    """The manifests to judge: one path, or several files. `reason` is empty if there was no alternative."""

    paths: tuple[Path, ...]
    reason: str = ""


def choose_manifests(root: Path, tree: Tree, display_root: Path, applied_by_tools: Sequence[Path] = ()) -> Choice:
    """Choose the manifests below `root` that a person would apply to a test cluster.

    `applied_by_tools` are those that Skaffold or Tilt apply. Paths in errors are relative to `display_root`.
    Raises `ManifestError` if none exist, or if only a person can choose.
    """
    overlays = _leaf_overlays(root, tree)
    preferred = _named_for_tests(overlays)
    if preferred is not None:
        return Choice((preferred,), _choice_reason(preferred, overlays, display_root, f"{preferred.name} is named for tests"))
    plain, charts = _plain_choices(root, tree), _charts(root, tree)
    if applied_by_tools:
        return Choice(tuple(applied_by_tools), "applied by Skaffold or Tilt")
    # never production if anything else exists
    usable = [one for one in overlays if not _is_production(one)] or overlays
    if len(usable) == 1:
        return Choice((usable[0],), _choice_reason(usable[0], overlays, display_root, "the others are named for production"))
    if len(plain) == 1 and (not overlays or _is_usual(plain[0], root)):
        return Choice(plain[0], f"instead of {_listed([*overlays, *charts], display_root)}" if overlays or charts else "")
    if not overlays and not plain and len(charts) == 1:
        return Choice((charts[0],))
    candidates = [*overlays, *(path for paths in plain for path in paths), *charts]
    if not candidates:
        raise ManifestError(
            f"{root}: no Kubernetes manifests found below it",
            next_step="set --overlay PATH to a Kustomize overlay, a folder or file of YAML, or a Helm chart",
        )
    raise ManifestError(
        f"several manifests are possible: {_listed(candidates, display_root)}", next_step="choose those to judge with --overlay PATH"
    )


def choose_values(chart: Path) -> tuple[Path, ...]:
    """A chart's values file for tests, used in addition to its defaults; empty without one."""
    files = [*chart.glob("values[-_.]*.y*ml"), *chart.glob("*[-_.]values.y*ml"), *chart.glob("ci/*.y*ml")]
    for name in PREFERRED:
        named = [file for file in sorted(files) if name in re.split(r"[-_.]", file.stem) or (name == "ci" and file.parent.name == "ci")]
        if named:
            return (named[0],)
    return ()


def _leaf_overlays(root: Path, tree: Tree) -> list[Path]:
    """Overlays that nothing else builds on; those in folders of examples and tests count only if there are no others."""
    used = {path for one in tree.kustomizations if not one.component for path in one.uses}
    leaves = [one.folder for one in tree.kustomizations if not one.component and one.folder not in used]
    return _without_examples(root, leaves)


def _charts(root: Path, tree: Tree) -> list[Path]:
    libraries = [
        chart for chart in tree.charts if re.search(r"^type:\s*library", (chart / "Chart.yaml").read_text(errors="replace"), re.MULTILINE)
    ]
    return _without_examples(root, [chart for chart in tree.charts if chart not in libraries])


def _named_for_tests(folders: Sequence[Path]) -> Path | None:
    for name in PREFERRED:
        named = [folder for folder in folders if name in (folder.name, *_words(folder.name)) and not _is_production(folder)]
        if len(named) == 1:
            return named[0]
        if named:
            return None
    return None


def _plain_choices(root: Path, tree: Tree) -> list[tuple[Path, ...]]:
    """Each set of plain manifests that belong together and create pods: a folder, the files in the root itself, or both."""
    folders = sorted({file.parent for file, pods in tree.plain.items() if pods and file.parent != root})
    folders = _without_examples(root, folders)
    grouped = _grouped(root, folders)
    if len(grouped) > 1:
        named = [folder for folder in grouped if folder.name in _FOLDERS]
        usual = sorted(named, key=lambda folder: (len(folder.parts), _FOLDERS.index(folder.name)))
        grouped = usual[:1] or grouped
    top = tuple(file for file in tree.plain if file.parent == root)
    if any(tree.plain[file] for file in top):
        if not grouped or (len(grouped) == 1 and grouped[0].name not in _FOLDERS):
            return [top]
        if len(grouped) == 1 and grouped[0].parent == root and not _defines_same_object(tree, grouped[0], top):
            return [(*top, grouped[0])]
    return [(folder,) for folder in grouped]


def _defines_same_object(tree: Tree, folder: Path, files: Sequence[Path]) -> bool:
    """Whether the folder and the files define the same object, so they are alternatives rather than parts of one application."""
    above = {ref for file in files for ref in tree.defined[file]}
    return any(above & tree.defined[file] for file in tree.defined if file.is_relative_to(folder))


def _grouped(root: Path, folders: Sequence[Path]) -> list[Path]:
    """Group folders as a person would: one of several environments, the folder above several parts, or each separately."""
    if len(folders) < 2:
        return list(folders)
    above = Path(os.path.commonpath(folders))
    if above in folders:
        return [above]
    if above == root:
        tops = {folder.relative_to(root).parts[0] for folder in folders}
        return [
            one for top in sorted(tops) for one in _grouped(root / top, [folder for folder in folders if folder.is_relative_to(root / top)])
        ]
    environments = {folder.relative_to(above).parts[0] for folder in folders}
    if environments & _PRODUCTION or len(environments & set(PREFERRED)) > 1:
        chosen = _named_for_tests([above / name for name in environments])
        return [chosen] if chosen is not None else sorted(above / name for name in environments)
    return [above]


def _without_examples(root: Path, folders: Iterable[Path]) -> list[Path]:
    candidates = sorted(folders)
    kept = [
        folder
        for folder in candidates
        if not _EXAMPLE_FOLDERS & set(folder.relative_to(root).parts[:-1]) and folder.name not in _EXAMPLE_FOLDERS - set(PREFERRED)
    ]
    return kept or candidates


def _is_production(folder: Path) -> bool:
    return bool(_PRODUCTION & {folder.name.lower(), *_words(folder.name)})


def _is_usual(paths: Sequence[Path], root: Path) -> bool:
    return any(path.name in _FOLDERS and path.parent == root for path in paths)


def _words(name: str) -> list[str]:
    return re.split(r"[-_.]", name.lower())


def _choice_reason(chosen: Path, candidates: Sequence[Path], display_root: Path, reason: str) -> str:
    others = [one for one in candidates if one != chosen]
    return f"{reason}; not {_listed(others, display_root)}" if others else ("it is the only one" if _is_production(chosen) else "")


def _listed(paths: Iterable[Path], display_root: Path) -> str:
    return ", ".join(sorted(os.path.relpath(path, display_root) for path in paths))
