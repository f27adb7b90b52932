"""Every check of the doctor, with a host that triggers it and one that does not."""

from __future__ import annotations

import dataclasses
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import EngineNotStarted, EngineUnprivileged
from kindgate.host import doctor_checks
from kindgate.host.container_engine import Engine
from kindgate.host.doctor_checks import (
    GIB,
    Check,
    check_capability,
    check_cgroups,
    check_cpus,
    check_disk,
    check_engine,
    check_forwarding,
    check_image_store,
    check_inotify,
    check_localhost_names,
    check_memory,
    check_open_files,
    check_port,
    check_privileged,
    check_proxy,
    check_registry,
    check_remote,
    check_routes,
    check_skew,
    check_snap,
    check_tool,
    disk_folder,
    parse_routes,
)
from kindgate.host.facts import HostFacts

FACTS = HostFacts(
    "linux",
    "x86_64",
    "debian",
    "bookworm",
    cgroup_version=2,
    nofile_hard=1_048_576,
    cap_sys_resource=True,
    cpus=4,
    memory=16 * GIB,
    root=True,
    inotify_watches=524_288,
    inotify_instances=512,
)
DOCKER = Engine("docker", Path("/usr/bin/docker"), "28.0.1", cgroup_version=2, data_root="/var/lib/docker")
ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0
"""


def facts(**changes: int | str | bool) -> HostFacts:
    """A healthy host with these changes."""
    return dataclasses.replace(FACTS, **changes)  # type: ignore[arg-type]  # any field


ROWS = [
    ("ok", check_engine(DOCKER)),
    ("block", check_engine(EngineNotStarted("docker is installed, but its daemon does not respond", next_step="start it"))),
    ("ok", check_privileged(None)),
    ("block", check_privileged(EngineUnprivileged("cannot", last_state="runc failed:\nunable to apply caps", next_step="use a VM"))),
    ("ok", check_cgroups(DOCKER)),
    ("warn", check_cgroups(dataclasses.replace(DOCKER, cgroup_version=1))),
    ("block", check_cgroups(dataclasses.replace(DOCKER, cgroup_version=1, rootless=True))),
    ("ok", check_open_files(FACTS)),
    ("warn", check_open_files(facts(nofile_hard=8192))),
    ("block", check_open_files(facts(nofile_hard=1024))),
    ("ok", check_capability(FACTS)),
    ("warn", check_capability(facts(cap_sys_resource=False))),
    ("ok", check_capability(facts(cap_sys_resource=False, root=False))),
    ("ok", check_inotify(FACTS, 40)),
    ("warn", check_inotify(facts(inotify_watches=8192), 40)),
    ("warn", check_inotify(facts(inotify_instances=64), 40)),
    ("ok", check_inotify(facts(system="darwin", inotify_watches=0), 40)),
    ("ok", check_disk("/var/lib/docker", 50 * GIB)),
    ("warn", check_disk("/var/lib/docker", 5 * GIB)),
    ("block", check_disk("/var/lib/docker", GIB)),
    ("ok", check_memory(8 * GIB)),
    ("warn", check_memory(3 * GIB)),
    ("block", check_memory(GIB)),
    ("ok", check_cpus(2)),
    ("warn", check_cpus(1)),
    ("ok", check_port(0, "")),
    ("ok", check_port(8080, "")),
    ("block", check_port(8080, "taken by nginx (process 12)")),
    ("ok", check_proxy({})),
    ("ok", check_proxy({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "127.0.0.1, localhost,.corp"})),
    ("ok", check_proxy({"http_proxy": "http://proxy:3128", "no_proxy": "*"})),
    ("warn", check_proxy({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost"})),
    ("ok", check_registry("registry.example", "")),
    ("warn", check_registry("registry.example", "Connection refused")),
    ("ok", check_image_store(DOCKER)),
    ("warn", check_image_store(dataclasses.replace(DOCKER, containerd_store=True))),
    ("ok", check_routes([(IPv4Network("0.0.0.0/0"), "tun0"), (IPv4Network("172.17.0.0/16"), "docker0")])),
    ("warn", check_routes([(IPv4Network("172.16.0.0/12"), "tun0")])),
    ("warn", check_routes([(IPv4Network("192.168.3.0/24"), "wg0")])),
    ("ok", check_snap(DOCKER)),
    ("warn", check_snap(dataclasses.replace(DOCKER, command=Path("/snap/bin/docker")))),
    ("warn", check_snap(dataclasses.replace(DOCKER, data_root="/var/snap/docker/common/var-lib-docker"))),
    ("ok", check_forwarding(DOCKER, "-P FORWARD DROP\n")),
    ("ok", check_forwarding(dataclasses.replace(DOCKER, program="podman"), "-P FORWARD ACCEPT\n")),
    ("ok", check_forwarding(dataclasses.replace(DOCKER, program="podman", rootless=True), "-P FORWARD DROP\n")),
    ("warn", check_forwarding(dataclasses.replace(DOCKER, program="podman"), "-P FORWARD DROP\n")),
    ("warn", check_forwarding(dataclasses.replace(DOCKER, program="podman"), "-P FORWARD ACCEPT\n-A FORWARD -j REJECT\n")),
    ("warn", check_forwarding(dataclasses.replace(DOCKER, program="podman"), None)),
    ("ok", check_remote({})),
    ("ok", check_remote({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"})),
    ("ok", check_remote({"DOCKER_HOST": "tcp://127.0.0.1:2375"})),
    ("block", check_remote({"DOCKER_HOST": "tcp://build.example:2375"})),
    ("block", check_remote({"DOCKER_HOST": "ssh://me@build.example"})),
    ("ok", check_localhost_names(resolves=True)),
    ("warn", check_localhost_names(resolves=False)),
    ("ok", check_inotify(facts(inotify_instances=128), 60)),
    ("warn", check_inotify(facts(inotify_instances=128), 135)),
    ("ok", check_tool("kind", "v0.33.0, compiled")),
    ("block", check_tool("kind", "", "not available from any source")),
    ("ok", check_skew("", acceptable=False)),
    ("ok", check_skew("v1.37.1", acceptable=True)),
    ("warn", check_skew("v1.29.0", acceptable=False)),
]


@pytest.mark.parametrize(("verdict", "check"), ROWS, ids=[f"{number}: {row.name}" for number, (_, row) in enumerate(ROWS)])
def test_each_check_has_the_expected_verdict(verdict: str, check: Check) -> None:
    """A failed check has advice, and a passed one has none."""
    assert check.verdict == verdict
    assert bool(check.advice) == (verdict != "ok")
    assert check.value


def test_every_check_is_triggered() -> None:
    """Every check is triggered by a test in this module."""
    fired = {row.name.partition(" ")[0] for verdict, row in ROWS if verdict != "ok"}
    quiet = {row.name.partition(" ")[0] for _, row in ROWS} - fired

    assert len([name for name in vars(doctor_checks) if name.startswith("check_")]) == len({row.name for _, row in ROWS})
    assert quiet == set()


def test_the_last_line_of_the_runtimes_error_is_shown() -> None:
    """The last line of a long error names the cause."""
    row = check_privileged(EngineUnprivileged("cannot", last_state="runc failed:\nunable to apply caps"))
    assert row.value == "unable to apply caps"


def test_the_kernels_routes_are_read() -> None:
    """Addresses in that file are little-endian; the VPN's route is found among the others."""
    routes = parse_routes(ROUTES)
    assert routes == [
        (IPv4Network("0.0.0.0/0"), "eth0"),
        (IPv4Network("172.17.0.0/16"), "docker0"),
        (IPv4Network("172.16.0.0/12"), "tun0"),
    ]
    assert check_routes(routes).value == "172.16.0.0/12 via tun0"


def test_a_missing_route_file_yields_no_routes() -> None:
    """Systems without the file have no routes."""
    assert parse_routes("") == []


@given(st.dictionaries(st.text(), st.text()))
def test_any_environment_can_be_checked(environment: dict[str, str]) -> None:
    """Any environment variables are handled."""
    check_proxy(environment)
    check_remote(environment)


def test_the_engines_disk_is_checked_if_it_is_local(tmp_path: Path) -> None:
    """With Docker Desktop, the engine's folder does not exist on this machine."""
    engine = dataclasses.replace(DOCKER, data_root=str(tmp_path))
    assert disk_folder(engine, Path("/fallback")) == tmp_path
    assert disk_folder(dataclasses.replace(DOCKER, data_root=str(tmp_path / "vm")), Path("/fallback")) == Path("/fallback")
    assert disk_folder(None, Path("/fallback")) == Path("/fallback")
