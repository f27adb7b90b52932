"""The run's certificate authority: one per cluster, kept with the cluster and never shared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from kindgate.deploy.tls import AUTHORITY, CERTIFICATE, KEY, certificates_of, filled, is_certifiable, names_by_secret
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
        made = trustme.CA(organization_name="kindgate", organization_unit_name="made for one cluster")
        _write(key, made.private_key_pem.bytes())
        _write(certificate, made.cert_pem.bytes())
        return made

    @property
    def certificate(self) -> bytes:
        """The CA certificate (PEM)."""
        return self._ca.cert_pem.bytes()

    def issue(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Return the content of a Secret with a certificate for `names` (hosts or addresses)."""
        wanted = tuple(dict.fromkeys(names))
        kept = self.folder / f"issued-{hashlib.sha256(' '.join(sorted(wanted)).encode()).hexdigest()[:16]}.pem"
        key_mark = b"-----BEGIN CERTIFICATE-----"
        if kept.exists():
            key, _, chain = kept.read_bytes().partition(key_mark)
            return {CERTIFICATE: key_mark + chain, KEY: key, AUTHORITY: self.certificate}
        leaf = self._ca.issue_cert(*wanted)
        key, chain = leaf.private_key_pem.bytes(), b"".join(pem.bytes() for pem in leaf.cert_chain_pems)
        _write(kept, key + chain)
        return {CERTIFICATE: chain, KEY: key, AUTHORITY: self.certificate}


def with_certificates(rendered: Rendered, authority: Authority) -> Rendered:
    """Return `rendered` with certificates in the Secrets that kindgate creates; the CA is created on first use.

    Raises `ManifestError` for a host that cannot have a certificate.
    """
    contents: dict[ObjectRef, Mapping[str, bytes]] = {}
    for ref, names in names_by_secret(rendered).items():
        wrong = [name for name in names if not is_certifiable(name)]
        if wrong:
            raise ManifestError(
                f"{ref}: no certificate can be issued for the host {wrong[0]!r}", next_step="correct the host in the manifests"
            )
        contents[ref] = authority.issue(names)
    return filled(rendered, contents)


def write_trusted(parts: Iterable[Rendered], authority: Authority, target: Path) -> bool:
    """Write the certificates that verify the entries of `parts` to `target`; return whether there are any.

    These are the CA's, if it issues one of them, and the content of the manifests' own TLS Secrets.
    """
    known = tuple(parts)
    trusted = [certificate for rendered in known for certificate in certificates_of(rendered)]
    if any(names_by_secret(rendered) for rendered in known):
        trusted.insert(0, authority.certificate)
    if trusted:
        _write(target, b"\n".join(dict.fromkeys(trusted)))
    return bool(trusted)


def _write(path: Path, content: bytes) -> None:
    """Atomically write a file that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
