"""A Docker engine for a Debian or Ubuntu host without one: unpacked into the user's cache, started and stopped.

Nothing on the host is replaced: the daemon's packages are unpacked separately, and only missing runtime dependencies
(runc, iptables, ip) are installed with apt. A working engine is never touched.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import psutil

from kindgate.errors import EngineAbsent, EngineError, EngineNotStarted, WaitFailed, WaitTimeout
from kindgate.host.apt_sources import mirror_of_suite
from kindgate.host.command import leave_running, run, spawn
from kindgate.host.container_engine import Engine, find_engine, installed_path, installed_root
from kindgate.host.facts import HostFacts, gather_facts
from kindgate.host.output_sums import is_trusted, record_built
from kindgate.host.paths import cache_dir
from kindgate.progress import Progress
from kindgate.waiting import Deadline, Pending, PermanentFailure, Ready, wait_for

_NEWER_SUITE = {"bookworm": "trixie"}
"""Debian 12's Docker (20.10) requests capabilities that the host may lack; the next release's runs on Debian 12's libraries."""

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_NEEDED_AT_RUN_TIME = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}
"""Commands that the daemon calls, and the packages that provide them."""

_UNLIMITED_FILES = 1_048_576

RUN_FOLDER = Path("/var/run")
"""Location of the Docker daemon's PID file and socket."""

_START_SECONDS = 30.0


def install_engine(deadline: Deadline, progress: Progress) -> Engine:
    """Make an engine available: keep a working one, start the unpacked one, or unpack it first.

    Raises `EngineAbsent` if this is not possible (not root, not Debian or Ubuntu), `EngineNotStarted` if the daemon
    exits immediately or does not respond, and `CommandFailed` if a package is unavailable.
    """
    facts = gather_facts()
    try:
        engine = find_engine(deadline, facts=facts)
    except (EngineAbsent, EngineNotStarted) as error:
        _check_installable(facts, error)
    else:
        progress(f"{engine.program} {engine.version} is already running: nothing to install")
        return engine
    if not ((installed_root() / "usr/sbin/dockerd").exists() and is_trusted(installed_root())):
        _unpack(facts, deadline, progress)
        record_built(installed_root())
    return start_engine(deadline, progress)


def start_engine(deadline: Deadline, progress: Progress, run_folder: Path = RUN_FOLDER) -> Engine:
    """Start the unpacked engine and wait until it responds; it outlives this process.

    Stale files of a dead daemon are removed first. Raises `EngineAbsent` if none was unpacked, and `EngineNotStarted`
    with the end of the daemon's log if it does not start.
    """
    daemon = installed_root() / "usr/sbin/dockerd"
    if not daemon.exists():
        raise EngineAbsent("kindgate has not unpacked an engine", next_step="run `kindgate engine install`")
    remove_stale_pid_files(run_folder)
    folder = installed_root().parent
    settings, log = folder / "daemon.json", folder / "dockerd.log"
    facts = gather_facts()
    settings.write_text(json.dumps(daemon_settings(facts)))
    progress(f"starting {daemon}")
    with log.open("wb") as sink:
        process = spawn([daemon, "--config-file", settings], stdout=sink, stderr=sink, env={"PATH": installed_path(os.environ)})

    def probe() -> Ready[Engine] | Pending | PermanentFailure:
        if process.poll() is not None:
            return PermanentFailure(f"the daemon exited with code {process.returncode}\n{_last_lines(log)}")
        try:
            return Ready(find_engine(deadline, {**os.environ, "KINDGATE_ENGINE": "docker"}, facts))
        except EngineNotStarted as error:
            return Pending(f"{error.message}\n{_last_lines(log)}")

    try:
        engine = wait_for("the engine to respond", probe, deadline.at_most(_START_SECONDS))
    except (WaitTimeout, WaitFailed) as error:
        raise EngineNotStarted(error.message, waited=error.waited, last_state=error.last_state, next_step=f"see {log}") from error
    finally:
        if process.poll() is None:
            leave_running(process)
    progress(f"engine {engine.version} is running and stays up until `kindgate engine stop`")
    return engine


def stop_engine(deadline: Deadline, progress: Progress, run_folder: Path = RUN_FOLDER) -> bool:
    """Stop the engine that kindgate unpacked and started, with its containers; return False if it is not running.

    Raises `EngineError` if the running daemon is another one, or does not exit in time.
    """
    process = _running(run_folder / "docker.pid", "dockerd")
    if process is None:
        return False
    if not Path(process.exe()).is_relative_to(installed_root().resolve()):
        raise EngineError(f"the running daemon ({process.exe()}) was not started by kindgate", next_step="stop it the way it was started")
    progress(f"stopping the engine, process {process.pid}")
    process.terminate()

    def exit_state() -> Ready[bool] | Pending:
        has_exited = not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        return Ready(value=True) if has_exited else Pending("it is still running")

    try:
        return wait_for("the engine to stop", exit_state, deadline)
    except WaitTimeout as error:
        raise EngineError(error.message, waited=error.waited, next_step=f"kill -9 {process.pid}") from error


def daemon_settings(facts: HostFacts) -> dict[str, object]:
    """The daemon's configuration: containers get the host's open-files limit if that is below the usual one."""
    settings: dict[str, object] = {"log-level": "warn"}
    if facts.nofile_hard < _UNLIMITED_FILES:
        settings["default-ulimits"] = {"nofile": {"Name": "nofile", "Hard": facts.nofile_hard, "Soft": facts.nofile_hard}}
    return settings


def remove_stale_pid_files(folder: Path) -> tuple[Path, ...]:
    """Remove stale PID files, and return them.

    A hard shutdown leaves them behind, and after a reboot other processes can have these PIDs: dockerd then believes
    that it is already running, or waits for a containerd that does not exist.
    """
    removed = []
    for file, program in ((folder / "docker.pid", "dockerd"), (folder / "docker/containerd/containerd.pid", "containerd")):
        if file.exists() and _running(file, program) is None:
            file.unlink(missing_ok=True)
            removed.append(file)
    return tuple(removed)


def _check_installable(facts: HostFacts, error: EngineError) -> None:
    """Raise unless an engine can be installed on this host and no existing daemon merely needs to be started."""
    if not facts.can_install_engine:
        raise EngineAbsent(
            "kindgate can install an engine only as root on Debian or Ubuntu", last_state=str(error), next_step="install Docker or Podman"
        ) from error
    host_daemon = shutil.which("dockerd")
    if host_daemon is not None and not Path(host_daemon).is_relative_to(installed_root()):
        raise EngineNotStarted(
            f"this host already has a daemon, {host_daemon}", next_step="start it with `service docker start`"
        ) from error


def _running(pid_file: Path, program: str) -> psutil.Process | None:
    """The process named by a PID file, if it runs that program."""
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8")))
        return process if process.name() == program and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, psutil.Error):
        return None


def _unpack(facts: HostFacts, deadline: Deadline, progress: Progress) -> None:
    """Download the daemon's packages and unpack them; the folder is created atomically."""
    _install_missing(deadline, progress)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".engine-") as work:
        packages, root = Path(work) / "packages", Path(work) / "root"
        packages.mkdir()
        suite = _NEWER_SUITE.get(facts.os_codename, "")
        apt = _private_apt(Path(work) / "apt", facts.os_codename, suite) if suite else ["apt-get"]
        # an existing command stays in use
        packages_to_download = ["docker.io", "containerd"] + (["docker-cli"] if suite and shutil.which("docker") is None else [])
        progress(f"downloading {', '.join(packages_to_download)} from {suite or facts.os_codename}")
        run([*apt, "update", "-qq"], deadline=deadline)
        run(
            [*apt, "download", "-qq", *(f"{name}/{suite}" if suite else name for name in packages_to_download)],
            cwd=packages,
            deadline=deadline,
        )
        for package in sorted(packages.glob("*.deb")):
            run(["dpkg", "-x", package, root], deadline=deadline)
        target = installed_root()
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        root.rename(target)


def _install_missing(deadline: Deadline, progress: Progress) -> None:
    """Install the daemon's missing runtime dependencies with the host's apt."""
    missing = [package for command, package in _NEEDED_AT_RUN_TIME.items() if shutil.which(command) is None]
    if not missing:
        return
    progress(f"installing {', '.join(missing)}")
    run(["apt-get", "update", "-qq"], deadline=deadline, check=False)  # a failing third-party source must not stop the others
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], deadline=deadline, env=quiet)


def _private_apt(folder: Path, host_suite: str, suite: str) -> list[str]:
    """An apt-get with separate sources and lists: the host's stay untouched."""
    mirror = mirror_of_suite(host_suite)
    if mirror is None:
        raise EngineAbsent(
            f"the host's apt sources list no mirror for {host_suite}", next_step="add it to /etc/apt/sources.list, or install Docker"
        )
    for part in ("lists/partial", "archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "APT::Sandbox::User": "root",
    }
    return ["apt-get", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]


def _last_lines(log: Path, count: int = 8) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])
