"""Kubeconfigs are credentials: private files without further copies."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kindgate.cluster.kubeconfig import move_secrets_to_files, read_kubeconfig, write_private
from kindgate.errors import ClusterError


def kubeconfig(folder: Path, data: str) -> Path:
    """A kubeconfig as kind writes it, with certificates and key embedded as `data`."""
    path = folder / "kubeconfig"
    content = {
        "kind": "Config",
        "clusters": [{"name": "kind-shop", "cluster": {"server": "https://x", "certificate-authority-data": data}}],
        "users": [{"name": "kind-shop", "user": {"client-certificate-data": data, "client-key-data": data}}],
        "contexts": [{"name": "kind-shop", "context": {"cluster": "kind-shop", "user": "kind-shop"}}],
        "current-context": "kind-shop",
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_certificates_and_key_are_moved_to_private_files(tmp_path: Path) -> None:
    """The kubeconfig refers to files with the decoded content, all readable only by the user."""
    path = kubeconfig(tmp_path, base64.b64encode(b"PEM").decode())
    move_secrets_to_files(path, tmp_path)
    content = read_kubeconfig(path)
    user, cluster = content["users"][0]["user"], content["clusters"][0]["cluster"]
    files = [Path(user["client-certificate"]), Path(user["client-key"]), Path(cluster["certificate-authority"])]
    assert [file.read_bytes() for file in files] == [b"PEM"] * 3
    assert {file.stat().st_mode & 0o777 for file in [*files, path]} == {0o600}
    assert "-data" not in path.read_text(encoding="utf-8")
    assert cluster["server"] == "https://x"


def test_invalid_base64_is_refused(tmp_path: Path) -> None:
    """The error for malformed base64 names the field."""
    with pytest.raises(ClusterError, match="certificate-authority-data of kind-shop is not base64"):
        move_secrets_to_files(kubeconfig(tmp_path, "%%"), tmp_path)


@given(text=st.text())
def test_private_files_are_created_private(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Whatever existed before, the file is readable only by the user, and no temporary file is left."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "file").write_text("before", encoding="utf-8")
    write_private(folder / "file", text)
    assert (folder / "file").read_bytes() == text.encode()
    assert (folder / "file").stat().st_mode & 0o777 == 0o600
    assert [file.name for file in folder.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a: [", "is not valid YAML"),
        ("- a", "is not a kubeconfig"),
        ("kind: Pod", "is not a kubeconfig"),
        ("kind: Config", "is not a kubeconfig"),
    ],
)
def test_an_invalid_kubeconfig_is_named(tmp_path: Path, text: str, cause: str) -> None:
    """The error names the file and its defect."""
    path = tmp_path / "config"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ClusterError, match=cause) as caught:
        read_kubeconfig(path)
    assert str(path) in caught.value.message


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    """The error includes the system's reason."""
    with pytest.raises(ClusterError, match=r"cannot read kubeconfig .*No such file"):
        read_kubeconfig(tmp_path / "none")
