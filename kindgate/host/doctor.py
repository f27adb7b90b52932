"""Gather the facts for the checks of `kindgate doctor`."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from kindgate.errors import EngineError, HostError, ToolError
from kindgate.host import doctor_checks
from kindgate.host.binaries import Recipe, host_platform, is_available_locally
from kindgate.host.container_engine import Engine, find_engine
from kindgate.host.doctor_checks import Check
from kindgate.host.download import unreachable_reason
from kindgate.host.facts import gather_facts
from kindgate.host.firewall import filters_pods, forward_rules
from kindgate.host.paths import cache_dir
from kindgate.host.privileged import require_privileged
from kindgate.host.tools import tool_version
from kindgate.host.tools_lock import ToolName, read_lock
from kindgate.waiting import Deadline


def run_checks(
    *,
    host_port: int = 0,
    registries: Sequence[str] = (),
    kubectl: Recipe | None = None,
    seed: Path | None = None,
    deadline: Deadline,
) -> tuple[Check, ...]:
    """Run every check, in the order in which a run would hit the problems.

    `registries` are the hosts that serve the images; `kubectl` is the recipe of the program that contains it. A run is
    impossible if any check's verdict is `block`. Starts one privileged container that does nothing; changes nothing
    else.
    """
    facts = gather_facts()
    rows: list[Check] = []
    engine: Engine | None = None
    try:
        engine = find_engine(deadline, facts=facts)
        rows.append(doctor_checks.check_engine(engine))
        rows += _engine_checks(engine, deadline)
    except EngineError as error:
        rows.append(doctor_checks.check_engine(error))
    rows += [
        doctor_checks.check_remote(os.environ),
        doctor_checks.check_open_files(facts),
        doctor_checks.check_capability(facts),
        doctor_checks.check_inotify(facts, inotify_in_use()),
        doctor_checks.check_memory((engine and engine.memory) or facts.memory),
        doctor_checks.check_cpus((engine and engine.cpus) or facts.cpus),
        doctor_checks.check_routes(doctor_checks.parse_routes(_text(Path("/proc/net/route")))),
        doctor_checks.check_port(host_port, port_holder(host_port) if host_port else ""),
        doctor_checks.check_proxy(os.environ),
        doctor_checks.check_localhost_names(_resolves("foo.localhost")),
    ]
    folder = doctor_checks.disk_folder(engine, cache_dir())
    rows.append(doctor_checks.check_disk(str(folder), psutil.disk_usage(str(folder)).free))
    rows += [doctor_checks.check_registry(host, unreachable_reason(f"https://{host}/v2/", deadline)) for host in registries]
    rows += [_tool("kind", None, seed), _tool("kubectl", kubectl, seed), _skew(deadline)]
    return tuple(rows)


def port_holder(port: int) -> str:
    """The reason why this port of 127.0.0.1 is unavailable; empty if it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "only root may listen there"
        except OSError as error:
            holder = _listener(port)
            return f"in use by {holder}" if holder else f"in use ({error.strerror})"
    return ""


def inotify_in_use(processes: Path = Path("/proc")) -> int:
    """Inotify instances of all processes visible to this user: the limit is per user, and all nodes count as root."""
    instances = 0
    for descriptor in processes.glob("[0-9]*/fd/*"):
        with suppress(OSError):
            instances += descriptor.readlink() == Path("anon_inode:inotify")
    return instances


def _engine_checks(engine: Engine, deadline: Deadline) -> list[Check]:
    """Checks that need a working engine."""
    refusal: EngineError | None = None
    try:
        require_privileged(engine, deadline)
    except HostError as error:
        refusal = error if isinstance(error, EngineError) else EngineError(error.message, last_state=error.last_state)
    return [
        doctor_checks.check_privileged(refusal),
        doctor_checks.check_cgroups(engine),
        doctor_checks.check_image_store(engine),
        doctor_checks.check_snap(engine),
        doctor_checks.check_forwarding(engine, forward_rules("iptables", deadline) if filters_pods(engine) else None),
    ]


def _tool(name: ToolName, recipe: Recipe | None, seed: Path | None) -> Check:
    """Predict the source that `find_tool` would use."""
    tool = read_lock()[name]
    recipe = recipe or tool.recipe(name)
    file = tool.platforms.get(host_platform())
    if recipe is not None and is_available_locally(recipe, cache=cache_dir() / "binaries", seed=seed):
        return doctor_checks.check_tool(name, f"{recipe.version}, compiled")
    if file is not None and file.sha256:
        return doctor_checks.check_tool(name, f"{tool.version}, downloaded and verified on first use")
    on_path = shutil.which(name)
    if on_path:
        return doctor_checks.check_tool(name, f"{on_path}, if its version is acceptable")
    if packed := tool.packed_recipes(name):
        return doctor_checks.check_tool(name, f"{packed[0].version}, from a locked package on first use")
    if recipe is not None and shutil.which("go"):
        return doctor_checks.check_tool(name, f"{recipe.version}, compiled on first use")
    return doctor_checks.check_tool(name, "", "not available from any source")


def _skew(deadline: Deadline) -> Check:
    executable = shutil.which("kubectl")
    if executable is None:
        return doctor_checks.check_skew("", acceptable=False)
    try:
        version = tool_version("kubectl", Path(executable), deadline)
    except ToolError as error:
        return doctor_checks.check_skew(error.message, acceptable=False)
    return doctor_checks.check_skew(version, acceptable=read_lock()["kubectl"].is_acceptable(version))


def _resolves(name: str) -> bool:
    try:
        socket.getaddrinfo(name, 80)
    except OSError:
        return False
    return True


def _listener(port: int) -> str:
    """The name and PID of the process listening on the port, if visible to this user."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        return ""
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
