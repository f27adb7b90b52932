"""Write rendered objects to files named after their source files, and map lines back to the source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from kindgate.deploy.render import KUSTOMIZATION_NAMES
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.security.scan_findings import Location


@dataclass(frozen=True)
class ObjectLines:
    """The position of one object in a written file: its first and last line, counted from 1."""

    first: int
    last: int
    object: ObjectRef


@dataclass(frozen=True)
class WrittenManifests:
    """By path of each written file: the source file, and the objects in it."""

    sources: Mapping[str, str]
    spans: Mapping[str, tuple[ObjectLines, ...]]

    def locate(self, target: str, line: int, root: Path) -> Location:
        """The source of `line` in the written file `target`; sources are relative to `root`.

        Line 0, which rules about a whole object may report, maps to the object if the file contains only one.
        """
        source = self.sources.get(target, target)
        spans = self.spans.get(target, ())
        lines = next((span for span in spans if span.first <= line <= span.last), spans[0] if len(spans) == 1 else None)
        if lines is None:
            return Location(source)
        return Location(source, _line_of(lines.object, root / source), str(lines.object))


def write_manifests(rendered: Rendered, folder: Path) -> WrittenManifests:
    """Write the objects below `folder`, those of one source file into one file at the source's path.

    Sources outside of the working directory keep their path without its leading slash. An object of unknown source
    counts as the overlay's own.
    """
    overlay = next((str(rendered.overlay / name) for name in KUSTOMIZATION_NAMES if (rendered.overlay / name).is_file()), "")
    texts: dict[str, list[str]] = {}
    spans: dict[str, list[ObjectLines]] = {}
    sources: dict[str, str] = {}
    for manifest in rendered.objects:
        ref = ObjectRef.of(manifest)
        source = rendered.origins.get(ref) or overlay or str(rendered.overlay)
        target = _target(source)
        sources[target] = source
        text = yaml.safe_dump(_plain(manifest), sort_keys=False)
        written = texts.setdefault(target, [])
        first = sum(part.count("\n") for part in written) + 2  # after the document separator
        written.append(f"---\n{text}")
        spans.setdefault(target, []).append(ObjectLines(first, first + text.count("\n") - 1, ref))
    for target, parts in texts.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_text("".join(parts))
    return WrittenManifests(sources, {target: tuple(lines) for target, lines in spans.items()})


def _plain(manifest: Manifest) -> dict[str, object]:
    return dict(manifest)


def _target(source: str) -> str:
    """A path below the folder, with an extension that Trivy recognizes as YAML."""
    path = PurePosixPath(*(part for part in PurePosixPath(source).parts if part not in {"/", ".."}))
    return str(path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml"))


def _line_of(ref: ObjectRef, source: Path) -> int:
    """The first line of the object's document in its source; 1 if Kustomize has renamed or generated it."""
    try:
        nodes = list(yaml.compose_all(source.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return 1
    return next((node.start_mark.line + 1 for node in nodes if node and _names(node) == (ref.kind, ref.name)), 1)


def _names(node: yaml.Node) -> tuple[str, str]:
    """A document's kind and metadata.name."""
    top = dict(_scalars_and_maps(node))
    metadata = dict(_scalars_and_maps(top["metadata"])) if "metadata" in top else {}
    return _text(top.get("kind")), _text(metadata.get("name"))


def _scalars_and_maps(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((_text(key), value) for key, value in node.value)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
