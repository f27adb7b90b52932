"""The run's certificate authority: one per cluster, kept with the cluster and never shared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kindgate.deploy.tls import AUTHORITY, CERTIFICATE, KEY, certificates_of, is_certifiable, names_by_secret, with_secret_contents
from kindgate.errors import ManifestError
from kindgate.model import ObjectRef, Rendered

if TYPE_CHECKING:
    import trustme


@dataclass(frozen=True)
class Authority:
    """Issues certificates. Its key and the certificates it issued are in `folder`, which only the user can read.

    The same names get the same certificate again, so a kept cluster sees no needless changes.
    """

    folder: Path

    @cached_property
    def _ca(self) -> trustme.CA:
        import trustme  # noqa: PLC0415  # costs 0.1 s, and most applications have no TLS

        certificate, key = self.folder / "ca.pem", self.folder / "ca.key"
        if certificate.exists() and key.exists():
            return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
        created = trustme.CA(organization_name="kindgate", organization_unit_name="made for one cluster")
        _write_private(key, created.private_key_pem.bytes())
        _write_private(certificate, created.cert_pem.bytes())
        return created

    @property
    def certificate(self) -> bytes:
        """The CA certificate (PEM)."""
        return self._ca.cert_pem.bytes()

    def issue(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of a Secret with a certificate for `names` (hosts or addresses)."""
        unique_names = tuple(dict.fromkeys(names))
        issued = self.folder / f"issued-{hashlib.sha256(' '.join(sorted(unique_names)).encode()).hexdigest()[:16]}.pem"
        certificate_start = b"-----BEGIN CERTIFICATE-----"
        if issued.exists():
            key, _, chain = issued.read_bytes().partition(certificate_start)
            return {CERTIFICATE: certificate_start + chain, KEY: key, AUTHORITY: self.certificate}
        leaf = self._ca.issue_cert(*unique_names)
        key, chain = leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        _write_private(issued, key + chain)
        return {CERTIFICATE: chain, KEY: key, AUTHORITY: self.certificate}


def with_certificates(rendered: Rendered, authority: Authority) -> Rendered:
    """Return `rendered` with certificates in the Secrets that kindgate creates; the CA is created on first use.

    Raises `ManifestError` for a host that cannot have a certificate.
    """
    contents: dict[ObjectRef, Mapping[str, bytes]] = {}
    for ref, names in names_by_secret(rendered).items():
        invalid = [name for name in names if not is_certifiable(name)]
        if invalid:
            raise ManifestError(
                f"{ref}: no certificate can be issued for the host {invalid[0]!r}", next_step="correct the host in the manifests"
            )
        contents[ref] = authority.issue(names)
    return with_secret_contents(rendered, contents)


def write_trusted(parts: Iterable[Rendered], authority: Authority, target: Path) -> bool:
    """Write the certificates that verify the entries of `parts` to `target`; return whether there are any.

    These are the CA's, if it issues one of them, and the content of the manifests' own TLS Secrets.
    """
    rendered_parts = tuple(parts)
    trusted = [certificate for rendered in rendered_parts for certificate in certificates_of(rendered)]
    if any(names_by_secret(rendered) for rendered in rendered_parts):
        trusted.insert(0, authority.certificate)
    if trusted:
        _write_private(target, b"\n".join(dict.fromkeys(trusted)))
    return bool(trusted)


def _write_private(path: Path, content: bytes) -> None:
    """Atomically write a file that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)
