"""Create the Secrets that pods need but no manifest contains, with their known keys and placeholder values, for tests."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kindgate.deploy.references import ContentReference, content_references
from kindgate.deploy.secrets import PLACEHOLDER, PLACEHOLDER_ANNOTATION
from kindgate.model import Manifest, ObjectRef, Rendered
from kindgate.pod_templates import pod_templates

FILE = "placeholders.yaml"
"""The overlay's file of these Secrets; its name does not contain `secret`, which repositories often ignore."""

_FEWEST_LETTERS = 8
"""Shorter names can mean different things even if they differ by one letter."""


@dataclass(frozen=True)
class PlaceholderSecrets:
    """The Secrets to add; `notes` list them, and the names that seem misspelled instead."""

    added: tuple[Manifest, ...] = ()
    notes: tuple[str, ...] = ()


def placeholder_secrets(rendered: Rendered, provided: Iterable[Manifest] = ()) -> PlaceholderSecrets:
    """A Secret for each one that the pods of `rendered` (normalized) need; `provided` objects are applied before.

    A name that is nearly that of a Secret in its namespace is considered misspelled: none is created, and validation reports it.
    """
    existing = {ObjectRef.of(item) for item in (*rendered.objects, *provided) if item["kind"] == "Secret"}
    needed = {ref: keys for ref, keys in _needed(rendered).items() if ref not in existing}
    added, notes = [], []
    for ref, keys in needed.items():
        similar = next((one for one in sorted(existing) if one.namespace == ref.namespace and _looks_misspelled(ref.name, one.name)), None)
        if similar is not None:
            notes.append(
                f"{ref} was not found in the manifests, which contain {similar}: creating no placeholder for a name that may be misspelled"
            )
            continue
        added.append(_secret(ref, keys))
        in_other_namespace = next((one for one in sorted(existing) if one.name == ref.name), None)
        also = f" (they contain {in_other_namespace})" if in_other_namespace is not None else ""
        values = f"placeholders for {', '.join(keys)}" if keys else "no keys, because the pods specify none"
        notes.append(f"{ref} was not found in the manifests{also}: {FILE} adds it with {values}")
    return PlaceholderSecrets(tuple(added), tuple(notes))


def _needed(rendered: Rendered) -> Mapping[ObjectRef, tuple[str, ...]]:
    """Every Secret that a pod needs with its known keys, in the order of the manifests."""
    keys_by_secret: dict[ObjectRef, list[str]] = {}
    for manifest in rendered.objects:
        for reference in _references(manifest):
            known = keys_by_secret.setdefault(ObjectRef("Secret", ObjectRef.of(manifest).namespace, reference.name), [])
            known += [key for key in reference.keys if key not in known]
    return {ref: tuple(keys) for ref, keys in keys_by_secret.items()}


def _references(manifest: Manifest) -> Iterator[ContentReference]:
    return (one for template in pod_templates(manifest) for one in content_references(template) if one.kind == "Secret")


def _secret(ref: ObjectRef, keys: Sequence[str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": ref.name, "namespace": ref.namespace, "annotations": {PLACEHOLDER_ANNOTATION: "true"}},
        **({"stringData": dict.fromkeys(keys, PLACEHOLDER)} if keys else {}),
    }


def _looks_misspelled(name: str, other: str) -> bool:
    """Whether two names differ only by a typo; different numbers are intended."""
    if min(len(name), len(other)) < _FEWEST_LETTERS or re.sub(r"\d+", "", name) == re.sub(r"\d+", "", other):
        return False
    return _edit_distance(name, other) <= (1 if min(len(name), len(other)) < 2 * _FEWEST_LETTERS else 2)


def _edit_distance(first: str, second: str) -> int:
    """Number of letters to insert, delete, replace or swap with a neighbor to turn one into the other (optimal string alignment)."""
    previous, row = [0] * (len(second) + 1), list(range(len(second) + 1))
    for row_number, letter in enumerate(first, 1):
        earlier, previous, row = previous, row, [row_number]
        for at, other in enumerate(second, 1):
            best = min(previous[at] + 1, row[-1] + 1, previous[at - 1] + (letter != other))
            if row_number > 1 and at > 1 and letter == second[at - 2] and first[row_number - 2] == other:
                best = min(best, earlier[at - 2] + 1)
            row.append(best)
    return row[-1]
