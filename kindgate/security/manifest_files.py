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
class Span:
    """The position of one object in a written file: its first and last line, counted from 1."""

    first: int
    last: int
    object: ObjectRef


@dataclass(frozen=True)
class Layout:
    """By path of each written file: the source file, and the objects in it."""

    sources: Mapping[str, str]
    spans: Mapping[str, tuple[Span, ...]]

    def locate(self, target: str, line: int, root: Path) -> Location:
        """The source of `line` in the written file `target`; sources are relative to `root`.

        Line 0, which rules about a whole object may report, maps to the object if the file contains only one.
        """
        source = self.sources.get(target, target)
        spans = self.spans.get(target, ())
        found = next((span for span in spans if span.first <= line <= span.last), spans[0] if len(spans) == 1 else None)
        if found is None:
            return Location(source)
        return Location(source, _line_of(found.object, root / source), str(found.object))


def write_layout(rendered: Rendered, folder: Path) -> Layout:
    """Write the objects below `folder`, those of one source file into one file at the source's path.

    Sources outside of the working directory keep their path without its leading slash. An object of unknown source
    counts as the overlay's own.
    """
    overlay = next((str(rendered.overlay / name) for name in KUSTOMIZATION_NAMES if (rendered.overlay / name).is_file()), "")
    texts: dict[str, list[str]] = {}
    spans: dict[str, list[Span]] = {}
    sources: dict[str, str] = {}
    for manifest in rendered.objects:
        reference = ObjectRef.of(manifest)
        source = rendered.origins.get(reference) or overlay or str(rendered.overlay)
        target = _target(source)
        sources[target] = source
        text = yaml.safe_dump(_plain(manifest), sort_keys=False)
        written = texts.setdefault(target, [])
        first = sum(part.count("\n") for part in written) + 2  # after the document separator
        written.append(f"---\n{text}")
        spans.setdefault(target, []).append(Span(first, first + text.count("\n") - 1, reference))
    for target, parts in texts.items():
        (folder / target).parent.mkdir(parents=True, exist_ok=True)
        (folder / target).write_text("".join(parts))
    return Layout(sources, {target: tuple(found) for target, found in spans.items()})


def _plain(manifest: Manifest) -> dict[str, object]:
    return dict(manifest)


def _target(source: str) -> str:
    """A path below the folder, with an extension that Trivy recognizes as YAML."""
    path = PurePosixPath(*(part for part in PurePosixPath(source).parts if part not in {"/", ".."}))
    return str(path if path.suffix in {".yaml", ".yml"} else path.with_name(f"{path.name}.yaml"))


def _line_of(wanted: ObjectRef, source: Path) -> int:
    """The first line of the object's document in its source; 1 if Kustomize has renamed or generated it."""
    try:
        nodes = list(yaml.compose_all(source.read_text(encoding="utf-8"), Loader=yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return 1
    return next((node.start_mark.line + 1 for node in nodes if node and _names(node) == (wanted.kind, wanted.name)), 1)


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
