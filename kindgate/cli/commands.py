"""The `kindgate` commands. Each module imports its dependencies only when its command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from kindgate.cli import build, host, images, init, load_command, pull_request, scenario, security, shell, steps
from kindgate.cli.console import untrusted
from kindgate.cli.verbose import Verbose, accepting_verbose

app = typer.Typer(
    name="kindgate",
    help="Judges an application on a real Kubernetes cluster. `pytest e2e` runs all of it; these commands re-run one step by hand.",
    epilog="Exit codes are listed in docs/exit-codes.md, options in docs/options.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)


def _version(requested: bool) -> None:
    if requested:
        import importlib.metadata  # noqa: PLC0415  # keeps --help quick

        print(importlib.metadata.version("kindgate"))
        raise typer.Exit


@app.callback()
def kindgate(
    version: Annotated[bool, typer.Option("--version", help="Show the version", callback=_version, is_eager=True)] = False,
    verbose: Verbose = False,  # its callback acts
) -> None:
    """Judges an application on a real Kubernetes cluster. `pytest e2e` runs all of it; these commands re-run one step by hand."""


app.command(rich_help_panel="A new repository")(init.init)
app.command(rich_help_panel="A new repository")(untrusted(init.seal))

STEPS = "Steps of the pipeline"
for command in (build.build, steps.validate, steps.up, steps.deploy, steps.health, load_command.load, steps.monitor, steps.down):
    app.command(rich_help_panel=STEPS)(untrusted(command))
for command in (steps.run, steps.compare):  # their last lines are annotations, which GitHub's runner must read
    app.command(rich_help_panel=STEPS)(command)

app.add_typer(scenario.scenario, rich_help_panel=STEPS)

REPORTS = "Reports"
for command in (pull_request.verify, pull_request.report, pull_request.publish, security.scan):
    app.command(rich_help_panel=REPORTS)(untrusted(command))

MACHINE = "The machine"
app.command(rich_help_panel=MACHINE)(untrusted(host.doctor))
app.command(rich_help_panel=MACHINE)(shell.shell)
app.command("list", rich_help_panel=MACHINE)(host.list_clusters)
app.command(rich_help_panel=MACHINE)(untrusted(host.reap))
app.add_typer(host.engine, rich_help_panel=MACHINE)
app.add_typer(host.tools, rich_help_panel=MACHINE)
app.add_typer(images.images, rich_help_panel=MACHINE)

for group in (app, host.engine, host.tools, images.images, scenario.scenario):
    for registered in group.registered_commands:
        if registered.callback is not None:
            registered.callback = accepting_verbose(registered.callback)
