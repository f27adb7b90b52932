"""The run's own certificate authority: a private folder, and certificates valid for the requested hosts."""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest

from kindgate.deploy.authority import Authority, with_certificates, write_trusted
from kindgate.deploy.tls import with_run_certificates
from kindgate.errors import ManifestError
from kindgate.model import Manifest, Rendered


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority that has not issued anything yet."""
    return Authority(tmp_path / "private")


def ingress(*hosts: str) -> Rendered:
    """An Ingress with TLS whose Secret kindgate creates."""
    spec = {"tls": [{"secretName": "shop-tls", "hosts": list(hosts)}]}
    one: Manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": spec,
    }
    (complete,) = with_run_certificates([Rendered(Path("k8s"), (one,))])
    return complete


def content(rendered: Rendered) -> dict[str, bytes]:
    """Return the decoded data of the Secret."""
    (secret,) = rendered.of_kind("Secret")
    return {key: base64.b64decode(value) for key, value in secret["data"].items()}


def shaken_hands(trusted: Path, certificate: dict[str, bytes], name: str, folder: Path) -> str:
    """Return why a client that trusts `trusted` rejects this certificate for `name`, or an empty string if it does not."""
    pair = folder / "pair.pem"
    pair.write_bytes(certificate["tls.key"] + certificate["tls.crt"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pair)
    client = ssl.create_default_context(cafile=str(trusted))
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client_socket, server_socket = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(server_socket, server_side=True).close()
        except ssl.SSLError:
            server_socket.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(client_socket, server_hostname=name).close()
    except ssl.SSLError as error:
        return str(error)
    finally:
        client_socket.close()
        thread.join()
    return ""


@pytest.mark.parametrize("name", ["shop.localhost", "deep.any.localhost", "10.1.2.3"])
def test_a_certificate_is_valid_for_its_names(authority: Authority, tmp_path: Path, name: str) -> None:
    """A certificate passes a real handshake for its hosts, wildcards and addresses."""
    rendered = ingress("shop.localhost", "*.any.localhost", str(ipaddress.ip_address("10.1.2.3")))
    trusted = tmp_path / "trusted.pem"

    assert write_trusted([rendered], authority, trusted)

    assert shaken_hands(trusted, content(with_certificates(rendered, authority)), name, tmp_path) == ""


def test_a_certificate_is_invalid_for_other_names(authority: Authority, tmp_path: Path) -> None:
    """A certificate is rejected for any other name and under any other authority."""
    rendered = ingress("shop.localhost")
    trusted, foreign = tmp_path / "trusted.pem", tmp_path / "foreign.pem"
    write_trusted([rendered], authority, trusted)
    write_trusted([rendered], Authority(tmp_path / "other"), foreign)
    certificate = content(with_certificates(rendered, authority))

    assert "Hostname mismatch" in shaken_hands(trusted, certificate, "other.localhost", tmp_path)
    assert "CERTIFICATE_VERIFY_FAILED" in shaken_hands(foreign, certificate, "shop.localhost", tmp_path)


def test_the_same_names_get_the_same_certificate(authority: Authority) -> None:
    """Another process on a kept cluster gets the same certificate for the same names, so nothing is rolled out again."""
    rendered = ingress("shop.localhost")

    assert with_certificates(rendered, authority) == with_certificates(rendered, Authority(authority.folder))
    assert content(with_certificates(ingress("b.localhost"), authority)) != content(with_certificates(rendered, authority))


def test_keys_are_readable_only_by_the_user(authority: Authority) -> None:
    """Keys are readable only by the user, as is everything else in the state folder."""
    with_certificates(ingress("shop.localhost"), authority)

    assert {path.stat().st_mode & 0o077 for path in (authority.folder, *authority.folder.iterdir())} == {0}


def test_a_certificate_from_the_manifests_is_trusted(authority: Authority, tmp_path: Path) -> None:
    """A certificate that comes with the manifests is trusted as is; no authority is created for it."""
    other_authority = Authority(tmp_path / "theirs")
    rendered = with_certificates(ingress("shop.localhost"), other_authority)
    secret, *_ = rendered.of_kind("Secret")
    brought = {**secret, "metadata": {"name": "shop-tls", "namespace": "shop"}, "data": {**secret["data"], "ca.crt": ""}}
    with_secret = Rendered(Path("k8s"), (*(one for one in rendered.objects if one["kind"] != "Secret"), brought))
    trusted = tmp_path / "trusted.pem"

    assert write_trusted([with_secret], authority, trusted)

    assert shaken_hands(trusted, content(with_secret), "shop.localhost", tmp_path) == ""
    assert not authority.folder.exists()


def test_without_tls_nothing_is_written(authority: Authority, tmp_path: Path) -> None:
    """Without TLS, neither a certificate nor an authority is written."""
    assert not write_trusted([Rendered(Path("k8s"), ())], authority, tmp_path / "trusted.pem")
    assert not authority.folder.exists()
    assert not (tmp_path / "trusted.pem").exists()


def test_a_host_that_no_certificate_can_cover_is_named(authority: Authority) -> None:
    """A host that cannot be in a certificate is reported together with the Secret that needs it."""
    with pytest.raises(ManifestError, match=r"Secret shop/shop-tls: no certificate can be issued for the host 'a b'"):
        with_certificates(ingress("a b"), authority)
