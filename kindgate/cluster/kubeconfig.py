"""A cluster's kubeconfig, protected as the credential it is: readable only by this user, with certificates in separate files.

With the certificates in files, client libraries write no copies of them to the temporary directory.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path
from typing import Any

import yaml

from kindgate.errors import ClusterError

_EXTERNAL = (
    ("clusters", "cluster", "certificate-authority"),
    ("users", "user", "client-certificate"),
    ("users", "user", "client-key"),
)


def write_private(path: Path, text: str | bytes) -> None:
    """Write `text` to `path` with mode 0600, atomically: a reader sees the old file or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    draft.replace(path)


def move_secrets_to_files(kubeconfig: Path, folder: Path) -> None:
    """Move the certificates and keys embedded in `kubeconfig` into files in `folder`, and make it private.

    Raises `ClusterError` if it is not a kubeconfig.
    """
    content = read_kubeconfig(kubeconfig)
    for section, inner, field in _EXTERNAL:
        for entry in content.get(section) or ():
            data = entry[inner].pop(f"{field}-data", None)
            if data is None:
                continue
            file = folder / f"{entry['name']}.{field}.pem"
            try:
                write_private(file, base64.b64decode(data, validate=True))
            except binascii.Error as error:
                raise ClusterError(f"{kubeconfig}: {field}-data of {entry['name']} is not base64") from error
            entry[inner][field] = str(file)
    write_private(kubeconfig, yaml.safe_dump(content, sort_keys=False))


def read_kubeconfig(path: Path) -> dict[str, Any]:
    """Read a kubeconfig. Raises `ClusterError` with the file and the problem."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"cannot read kubeconfig {path}: {error}") from error
    except yaml.YAMLError as error:
        raise ClusterError(f"kubeconfig {path} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or content.get("kind") != "Config" or not isinstance(content.get("contexts"), list):
        raise ClusterError(f"{path} is not a kubeconfig: it has no `kind: Config` with contexts")
    return content


def context_namespace(path: Path, context: str) -> str:
    """The namespace that a context uses for objects without one, as kubectl does: `default` if it sets none.

    Raises `ClusterError` as `read_kubeconfig` does.
    """
    for entry in read_kubeconfig(path)["contexts"]:
        if entry.get("name") == context:
            return str((entry.get("context") or {}).get("namespace") or "default")
    return "default"
