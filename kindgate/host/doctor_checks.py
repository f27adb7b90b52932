"""Checks whether a host can run KinD: pure functions of gathered facts, each for a problem seen in practice."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kindgate.errors import EngineError
from kindgate.host.container_engine import Engine
from kindgate.host.facts import HostFacts
from kindgate.host.firewall import accepting_command, dropping_rule, filters_pods

GIB = 1 << 30

_INSTANCES_PER_CLUSTER = 60
"""Inotify instances used by a cluster of three nodes, as observed."""

_POOLS = tuple(ipaddress.ip_network(pool) for pool in ("172.16.0.0/12", "192.168.0.0/16"))
"""Address ranges that container engines use for their networks by default."""

_TUNNELS = re.compile(r"tun|tap|utun|wg|ppp|ipsec|cscotun|gpd|zt|tailscale|nordlynx")
"""Interface names of VPN clients; engines avoid the addresses of other interfaces by themselves."""


@dataclass(frozen=True)
class Check:
    """One row of `kindgate doctor`: `block` makes a run impossible, `warn` may make it fail or distort it."""

    name: str
    value: str
    verdict: Literal["ok", "warn", "block"] = "ok"
    advice: str = ""


def check_engine(engine: Engine | EngineError) -> Check:
    """Whether an engine responds; its own error has the advice."""
    if isinstance(engine, EngineError):
        return Check("engine", engine.message, "block", engine.next_step)
    return Check("engine", f"{engine.program} {engine.version}" + (", rootless" if engine.rootless else ""))


def check_privileged(engine_error: EngineError | None) -> Check:
    """Whether a privileged container ran."""
    if engine_error is None:
        return Check("privileged containers", "supported")
    output = engine_error.last_state.splitlines()
    return Check("privileged containers", output[-1] if output else engine_error.message, "block", engine_error.next_step)


def check_cgroups(engine: Engine) -> Check:
    """Kubernetes 1.35 and later need a setting to start on cgroup v1; rootless engines cannot use cgroup v1 at all."""
    if engine.cgroup_version == 2:
        return Check("cgroups", "v2")
    if engine.rootless:
        return Check("cgroups", "v1, rootless", "block", "rootless nodes need cgroup v2: boot with systemd.unified_cgroup_hierarchy=1")
    return Check(
        "cgroups", "v1", "warn", "kindgate configures the kubelet to accept it, but Kubernetes is about to drop it: move to cgroup v2"
    )


def check_open_files(facts: HostFacts) -> Check:
    """Each node runs a container runtime, an API server or kubelet, and all its pods under one limit."""
    value = f"{facts.nofile_hard} (hard limit)"
    advice = (
        "raise it with `ulimit -Hn 1048576`, LimitNOFILE in the engine's unit, or `kindgate engine install`, which sets it for containers"
    )
    if facts.nofile_hard < 4096:
        return Check("open files", value, "block", advice)
    return Check("open files", value, "warn", advice) if facts.nofile_hard < 16_384 else Check("open files", value)


def check_capability(facts: HostFacts) -> Check:
    """Without CAP_SYS_RESOURCE, services inside the nodes cannot raise their limits."""
    if facts.cap_sys_resource or not facts.root or facts.system != "linux":
        return Check("resource limits", "can be raised" if facts.cap_sys_resource else "managed by the engine")
    advice = (
        "confined host: containerd may fail to start in node images from a registry, but not in images built here (--image-source build)"
    )
    return Check("resource limits", "root without CAP_SYS_RESOURCE", "warn", advice)


def check_inotify(facts: HostFacts, in_use: int) -> Check:
    """Every kubelet and container runtime watches files; a few nodes exhaust Ubuntu's defaults.

    `in_use` is the current number of instances: kept clusters hold about twenty per node.
    """
    if facts.system != "linux":
        return Check("inotify", "managed by the engine")
    value = f"{facts.inotify_watches} watches, {facts.inotify_instances} instances, {in_use} in use"
    free = facts.inotify_instances - in_use
    if facts.inotify_watches >= 65_536 and facts.inotify_instances >= 128 and free >= _INSTANCES_PER_CLUSTER:
        return Check("inotify", value)
    advice = "`sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512`, or kube-proxy fails with `too many open files`"
    return Check(
        "inotify",
        value,
        "warn",
        f"delete kept clusters (`kindgate list`), or run {advice}" if free < _INSTANCES_PER_CLUSTER else advice,
    )


def check_disk(folder: str, free: int) -> Check:
    """Node images, application images and etcd share the engine's disk; under pressure the kubelet evicts pods. `free` is in bytes."""
    value = f"{free / GIB:.1f} GiB free in {folder}"
    advice = "free some: `docker system df` shows the engine's disk usage"
    if free < 3 * GIB:
        return Check("disk", value, "block", advice)
    return Check("disk", value, "warn", advice) if free < 10 * GIB else Check("disk", value)


def check_memory(total: int) -> Check:
    """Memory, in bytes, of the machine that runs the containers; a control plane takes about 1 GiB, a worker half of that."""
    value = f"{total / GIB:.1f} GiB"
    advice = "give the engine's machine more memory, or use fewer nodes: --kind-workers 0"
    if total < 2 * GIB:
        return Check("memory", value, "block", advice)
    return Check("memory", value, "warn", advice) if total < 4 * GIB else Check("memory", value)


def check_cpus(cpus: int) -> Check:
    """The load generator needs a core that the cluster does not use."""
    if cpus >= 2:
        return Check("CPUs", str(cpus))
    return Check("CPUs", str(cpus), "warn", "with one CPU, load and cluster compete for it: expect INVALID verdicts")


def check_port(port: int, holder: str) -> Check:
    """Whether the requested port of 127.0.0.1 is free; `holder` is the reason if not; 0 means any free port."""
    if port == 0:
        return Check("host port", "picked automatically")
    if not holder:
        return Check("host port", f"{port} is free")
    return Check("host port", f"{port}: {holder}", "block", "remove --kind-host-port, or choose another port")


def check_proxy(environment: Mapping[str, str]) -> Check:
    """A proxy without exceptions also receives the cluster's own traffic, because kind passes it on to the nodes."""
    variables = {name.lower(): value for name, value in environment.items()}
    proxies = sorted(name for name in ("http_proxy", "https_proxy", "all_proxy") if variables.get(name))
    if not proxies:
        return Check("proxy", "none")
    exceptions = {part.strip() for part in variables.get("no_proxy", "").split(",")}
    if "*" in exceptions or {"127.0.0.1", "localhost"} <= exceptions:
        return Check("proxy", f"{', '.join(proxies)}; this machine is excluded")
    return Check("proxy", ", ".join(proxies), "warn", "add 127.0.0.1,localhost,.svc,.cluster.local to NO_PROXY")


def check_registry(host: str, problem: str) -> Check:
    """Whether an image registry responds; `problem` is the reason if not."""
    if not problem:
        return Check(f"registry {host}", "responds")
    advice = "use a pull-through cache (--registry-mirror HOST), or build the images (--image-source build: root on Debian or Ubuntu)"
    return Check(f"registry {host}", problem, "warn", advice)


def check_image_store(engine: Engine) -> Check:
    """Docker 29's image store keeps the index of every platform, which `kind load docker-image` cannot import (kind#3795)."""
    if not engine.containerd_store:
        return Check("image store", "classic" if engine.program == "docker" else engine.program)
    advice = "kindgate loads images itself; by hand, use `docker save --platform ... | docker exec -i NODE ctr -n k8s.io images import -`"
    return Check("image store", "containerd", "warn", advice)


def check_routes(routes: Iterable[tuple[ipaddress.IPv4Network, str]]) -> Check:
    """A VPN that routes the address ranges of container networks cuts off the nodes; `routes` are (network, interface) pairs."""
    clashing = [
        f"{network} via {interface}"
        for network, interface in routes
        if network.prefixlen > 0 and _TUNNELS.match(interface) and any(network.overlaps(pool) for pool in _POOLS)
    ]
    if not clashing:
        return Check("subnets", "no conflict with container networks")
    advice = "if nodes are unreachable, set `default-address-pools` in the engine's configuration to addresses that no VPN routes"
    return Check("subnets", "; ".join(clashing), "warn", advice)


def check_forwarding(engine: Engine, rules: str | None) -> Check:
    """Docker sets the FORWARD policy to DROP, and Podman accepts only node addresses, so traffic between nodes' pods is dropped.

    `rules` are the chain's; None if they cannot be read.
    """
    name = "pod traffic"
    if not filters_pods(engine):
        return Check(name, "managed by the engine")
    command = accepting_command("iptables", "BRIDGE")
    if rules is None:
        advice = f"if it shows `-P FORWARD DROP`, run `{command}` with the BRIDGE shown by `podman network inspect kindgate-NAME`"
        return Check(name, "readable only by root: `sudo iptables -S FORWARD`", "warn", advice)
    rule = dropping_rule(rules)
    if not rule:
        return Check(name, "forwarded")
    advice = f"when run as root, kindgate allows its own bridge until the cluster is deleted; by hand: `{command}`"
    return Check(name, f"dropped between nodes by `{rule}`", "warn", advice)


def check_snap(engine: Engine) -> Check:
    """Docker from a snap sees only the home folder and its own files, so it does not find archives in /tmp."""
    if "/snap/" not in f"{engine.command}{engine.data_root}":
        return Check("confinement", "none")
    return Check(
        "confinement", "docker is a snap", "warn", "set TMPDIR to a folder in your home directory, or install Docker from its own packages"
    )


def check_remote(environment: Mapping[str, str]) -> Check:
    """The ingress listens on the engine's machine, so a remote engine's ingress is not on 127.0.0.1."""
    address = environment.get("DOCKER_HOST", "")
    remote = re.match(r"(tcp|ssh|http|https)://(?:[^@/]*@)?([^:/]+)", address)
    if remote is None or remote[2] in {"127.0.0.1", "localhost"}:
        return Check("engine location", "this machine")
    return Check("engine location", address, "block", "run on the engine's machine, or use an existing cluster: --kind-existing")


def check_localhost_names(resolves: bool) -> Check:  # noqa: FBT001 - the fact itself
    """Browsers resolve `*.localhost`; a plain C library does not."""
    if resolves:
        return Check("*.localhost", "resolves")
    return Check(
        "*.localhost",
        "does not resolve",
        "warn",
        "the suite sends the Host header instead; to do so by hand: `curl -H 'Host: foo.localhost' ...`",
    )


def check_tool(name: str, state: str, problem: str = "") -> Check:
    """The expected source of a tool, or the reason why it is unavailable."""
    return Check(name, state or problem, "block" if problem else "ok", f"install {name}, or Go to compile it" if problem else "")


def check_skew(version: str, *, acceptable: bool) -> Check:
    """The user's own kubectl, used for pasted commands; one minor version of skew is supported."""
    if not version:
        return Check("kubectl on PATH", "none; `kindgate shell` provides one")
    if acceptable:
        return Check("kubectl on PATH", version)
    return Check(
        "kubectl on PATH",
        version,
        "warn",
        "too far from the cluster's version for commands by hand; `kindgate shell` provides the right one",
    )


def parse_routes(text: str) -> list[tuple[ipaddress.IPv4Network, str]]:
    """The (network, interface) pairs of `/proc/net/route`, whose numbers are little-endian hexadecimal."""
    routes = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address, mask = (ipaddress.IPv4Address(int(fields[index], 16).to_bytes(4, "little")) for index in (1, 7))
        routes.append((ipaddress.IPv4Network(f"{address}/{mask}", strict=False), fields[0]))
    return routes


def disk_folder(engine: Engine | None, fallback: Path) -> Path:
    """The engine's data folder, if it is on this machine; otherwise the cache's."""
    return Path(engine.data_root) if engine is not None and engine.data_root and Path(engine.data_root).is_dir() else fallback
