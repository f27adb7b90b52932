"""Attach to an existing cluster: the user's (`--kind-existing`), or one that kindgate created earlier, for a manual step.

kindgate neither creates nor deletes the user's cluster nor loads images into it, and needs no container engine for it.
Applied objects carry the run's label, and only those are deleted again. An earlier cluster is looked up in the engine,
not in a state file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from kindgate.cluster.api_client import server_version
from kindgate.cluster.kubeconfig import move_secrets_to_files, read_kubeconfig
from kindgate.cluster.lifecycle import address_of
from kindgate.cluster.owner_container import inspect_cluster, require_owner, state_path
from kindgate.credentials import masked_url
from kindgate.errors import ClusterError, SettingsError
from kindgate.host.command import run
from kindgate.host.container_engine import Engine
from kindgate.model import ClusterAddress
from kindgate.settings import ClusterSettings
from kindgate.waiting import Deadline

_RESPONSE_SECONDS = 15.0
"""A reachable server responds in milliseconds; one behind a dead route never does."""


def attach_existing(settings: ClusterSettings, *, deadline: Deadline) -> ClusterAddress:
    """The address of the cluster named by `--kind-existing`, once its server has responded.

    Raises `SettingsError` for an invalid ingress URL or CA file, for a context missing from the kubeconfig, or if no
    existing cluster is configured; `ClusterError` for an unreadable kubeconfig or an unusable server.
    """
    if settings.existing is None:
        raise SettingsError("no existing cluster is configured", next_step="set --kind-existing KUBECONFIG")
    kubeconfig = settings.existing.expanduser().resolve()
    content = read_kubeconfig(kubeconfig)
    contexts = sorted(str(entry.get("name")) for entry in content["contexts"] if isinstance(entry, dict))
    if settings.context not in contexts:
        raise SettingsError(
            f"--kind-context {settings.context}: context not found in {kubeconfig}",
            next_step=f"available contexts: {', '.join(contexts) or 'none'}",
        )
    address = ClusterAddress(
        name=settings.context,
        kubeconfig=kubeconfig,
        context=settings.context,
        ingress_url=_url(settings.ingress_url, "--ingress-url", {"http", "https"}),
        ingress_tls_url=_url(settings.ingress_tls_url, "--ingress-tls-url", {"https"}) if settings.ingress_tls_url else "",
        ca_file=_ca_file(settings.ingress_ca),
        existing=True,
    )
    version = server_version(address, deadline.at_most(_RESPONSE_SECONDS))
    return replace(address, server_version=version)


def _ca_file(option: Path | None) -> Path | None:
    """The path of the CA file, checked to contain a certificate."""
    if option is None:
        return None
    file = option.expanduser().resolve()
    try:
        text = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"--ingress-ca {file}: cannot be read: {error.strerror}") from error
    if b"-----BEGIN CERTIFICATE-----" not in text:
        raise SettingsError(f"--ingress-ca {file}: contains no certificate", next_step="use a PEM file")
    return file


def _url(url: str, option: str, schemes: set[str]) -> str:
    """The validated URL, without a trailing slash."""
    form = f"{min(schemes)}://HOST:PORT"
    masked = masked_url(url)
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise SettingsError(f"{option} {masked}: not a valid {' or '.join(sorted(schemes))} URL", next_step=f"use the form {form}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(f"{option} {masked}: may contain only scheme, host and port", next_step=f"use the form {form}")
    return url.rstrip("/")


def find_cluster(engine: Engine, name: str, kind: Path, deadline: Deadline) -> ClusterAddress | None:
    """The address of kindgate's cluster of this name, once its server has responded; None if there is no such cluster.

    A missing kubeconfig is rewritten. Raises `OwnershipError` if the cluster is not kindgate's and `ClusterError` if it
    is not running.
    """
    state = inspect_cluster(engine, name, deadline)
    if not state.nodes and not state.owner_container:
        return None
    owner = require_owner(state)
    stopped = [node.name for node in state.nodes if not node.running]
    if stopped or not state.nodes:
        raise ClusterError(
            f"cluster {name} is not running",
            last_state=f"stopped: {', '.join(stopped) or 'all nodes were removed'}",
            next_step="delete it with `kindgate down`",
        )
    if not owner.kubeconfig.exists():
        folder = state_path(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = replace(owner, kubeconfig=folder / "kubeconfig")
        run(
            [kind, "export", "kubeconfig", "--name", name, "--kubeconfig", owner.kubeconfig], deadline=deadline, env=engine.kind_environment
        )
        move_secrets_to_files(owner.kubeconfig, folder)
    address = replace(address_of(owner, state.kubernetes_nodes), reused=True)
    return replace(address, server_version=server_version(address, deadline.at_most(_RESPONSE_SECONDS)))
