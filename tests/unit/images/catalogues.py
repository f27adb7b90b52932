"""Minimal image catalogues for tests."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NO_IMAGES: Mapping[str, Any] = MappingProxyType({})


def catalogue_document(programs: Mapping[str, Any], images: Mapping[str, Any] = NO_IMAGES) -> dict[str, Any]:
    """Return a catalogue.yaml with these programs and images, and an empty node image."""
    return {
        "kubernetes": "v1.2.3",
        "programs": dict(programs),
        "debian": {"suite": "bookworm", "packages": ["systemd"]},
        "bases": {},
        "images": dict(images),
        "node": {
            "kind": {"module": "sigs.k8s.io/kind", "version": "v0.1.0"},
            "programs": {},
            "links": {},
            "network": "cni.yaml",
            "storage": {"provisioner": "a", "helper": "b"},
            "images": {},
        },
    }
