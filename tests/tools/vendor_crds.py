"""Write the CRDs for bundled components from the Go modules that publish them: `python tests/tools/vendor_crds.py`.

Descriptions are removed: they are three quarters of the text, and no API server needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kindgate import assets
from kindgate.host.binaries import download_module
from kindgate.waiting import Deadline


@dataclass(frozen=True)
class Source:
    """The CRD files of a Go module: `files` are patterns inside it; `component` is the bundled component that receives them."""

    component: str
    license: str
    module: str
    version: str
    sum: str
    files: tuple[str, ...]


_GATEWAY_KINDS = ("backendtlspolicies", "gatewayclasses", "gateways", "grpcroutes", "httproutes", "referencegrants", "tlsroutes")
"""The CRDs that Traefik watches; it serves nothing until it can watch all of them."""

# The Gateway API's version is the one in Traefik's go.mod.
SOURCES = (
    Source(
        "gateway-api",
        "Apache-2.0",
        "sigs.k8s.io/gateway-api",
        "v1.6.1",
        "h1:mock6phZbI6rvZerwrVNk7hVNymQgHo+6sJ81Ia7ftY=",
        tuple(f"config/crd/standard/gateway.networking.k8s.io_{kind}.yaml" for kind in _GATEWAY_KINDS),
    ),
    Source(
        "traefik-crds",
        "MIT",
        "github.com/traefik/traefik/v3",
        "v3.7.13",
        "h1:T8wy9KuaFzCkmXCqAzDy7t73pBDR1DHrJe3pqXpNXTw=",
        ("docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",),
    ),
)


def without_descriptions(node: object) -> object:
    """The schema without descriptions; a field named `description` stays."""
    if isinstance(node, dict):
        return {
            key: {name: without_descriptions(field) for name, field in value.items()}
            if key == "properties"
            else without_descriptions(value)
            for key, value in node.items()
            if not (key == "description" and isinstance(value, str))
        }
    return [without_descriptions(item) for item in node] if isinstance(node, list) else node


def vendored(source: Source, files: Sequence[Path]) -> str:
    """The text of the component's `crds.yaml`."""
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    crds = [without_descriptions(document) for document in documents if document["kind"] == "CustomResourceDefinition"]
    head = f"# From {source.module} {source.version} ({source.license}), without descriptions: tests/tools/vendor_crds.py\n"
    return head + "---\n".join(yaml.safe_dump(crd, sort_keys=False, width=140) for crd in crds)


def main() -> None:
    """Write every component's `crds.yaml`."""
    for source in SOURCES:
        module = download_module(source.module, source.version, source.sum, Deadline.after(300))
        text = vendored(source, [file for pattern in source.files for file in sorted(module.glob(pattern))])
        (assets.manifests() / "components" / source.component / "crds.yaml").write_text(text)
        sys.stdout.write(f"{source.component}: {len(text) // 1000} kB\n")


if __name__ == "__main__":
    main()
