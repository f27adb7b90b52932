"""Commands for the machine: doctor, engine, tools, and cleanup of clusters that other runs left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from kindgate.cli.arguments import seconds
from kindgate.cli.command_options import with_settings
from kindgate.cli.console import print_redacted, stopwatch_progress
from kindgate.options import SECONDS
from kindgate.settings import Settings

ENGINE_SECONDS = 600.0

engine = typer.Typer(name="engine", help="Install or stop a container engine on Debian and Ubuntu.", no_args_is_help=True)
tools = typer.Typer(name="tools", help="The lock file that pins kind and kubectl.", no_args_is_help=True)


@with_settings("cluster", "images")
def doctor(settings: Settings) -> None:
    """Check this machine: engine, limits, disk, memory, ports, proxies, tools; exits with 11 if a run is impossible.

    Example: `kindgate doctor --kind-host-port 8080`
    """
    from kindgate.cli.doctor_table import inspect_host  # noqa: PLC0415  # keeps --help quick

    inspect_host(settings)


def list_clusters() -> None:
    """List the clusters that kindgate created with this engine, one per line.

    Example: `kindgate list`
    """
    from kindgate.cluster.owner_container import owned_clusters  # noqa: PLC0415  # keeps --help quick
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(ENGINE_SECONDS)
    for owner in owned_clusters(find_engine(deadline), deadline):
        print(owner.cluster)


def reap(
    older_than: Annotated[
        float | None,
        typer.Option(
            parser=seconds, help="Also delete kept clusters that are older than this and not in use by a running run", metavar=SECONDS
        ),
    ] = None,
) -> None:
    """Delete kindgate's clusters whose run is dead or whose lifetime has expired; never those of a live run or of other tools.

    Example: `kindgate reap`, as the last step of a CI job, run even after a failure.
    """
    from kindgate.cluster.reaper import reap as reap_clusters  # noqa: PLC0415  # keeps --help quick
    from kindgate.errors import ClusterError  # noqa: PLC0415  # the same
    from kindgate.host.container_engine import find_engine  # noqa: PLC0415  # the same
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    deadline = Deadline.after(ENGINE_SECONDS)
    results = reap_clusters(find_engine(deadline), deadline=deadline, older_than=older_than)
    for result in results:
        print_redacted(f"{result.cluster}: {result.reason}" + (f"; not deleted: {result.error}" if result.error else "; deleted"))
    if not results:
        print("nothing to delete")
    if any(result.error for result in results):
        raise ClusterError("some clusters could not be deleted", next_step="delete their containers by hand")


@engine.command()
def install() -> None:
    """Install and start an engine if the machine has none (root on Debian or Ubuntu); a working engine is not touched.

    Example: `kindgate engine install`
    """
    from kindgate.host.engine_install import install_engine  # noqa: PLC0415  # keeps --help quick
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    engine_found = install_engine(Deadline.after(ENGINE_SECONDS), stopwatch_progress())
    print(f"{engine_found.program} {engine_found.version} is running")


@engine.command()
def stop() -> None:
    """Stop the engine that `kindgate engine install` started, with all its containers; other engines are not touched.

    Example: `kindgate engine stop`
    """
    from kindgate.host.engine_install import stop_engine  # noqa: PLC0415  # keeps --help quick
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    stopped = stop_engine(Deadline.after(ENGINE_SECONDS), stopwatch_progress())
    print("engine stopped" if stopped else "no engine was started by kindgate on this machine")


@tools.command()
def lock() -> None:
    """Add missing checksums to tools.lock, and compare the others with their publishers'; needs access to the publishers' hosts.

    Example: `kindgate tools lock`
    """
    from kindgate.host.tools_lock import lock_tools  # noqa: PLC0415  # keeps --help quick
    from kindgate.waiting import Deadline  # noqa: PLC0415  # the same

    written = lock_tools(Deadline.after(ENGINE_SECONDS))
    for line in written:
        print(line)
    print(f"{len(written)} checksums written" if written else "every tool has a checksum that matches its publisher's")
