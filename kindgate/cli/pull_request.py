"""Commands about reports and the pull request."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kindgate.cli.settings import with_settings
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.github.comment import PostResult


@with_settings("report", "github")
def report(
    settings: Settings,
    inputs: Annotated[
        list[Path] | None, typer.Option("--input", help="report.json, or a folder of legs; repeatable", metavar="FILE|DIR")
    ] = None,
    link: Annotated[list[str] | None, typer.Option(help="Add a link to the report; repeatable", metavar="NAME=URL")] = None,
    post: Annotated[bool, typer.Option("--post", help="Write one comment about all inputs to the pull request")] = False,
    leg: Annotated[list[str] | None, typer.Option(help="A leg that has to be there; repeatable", metavar="NAME")] = None,
) -> None:
    """Make report.html and summary.md again from report.json, or post one comment about the reports of several legs.

    Examples: `kindgate report`, `kindgate report --link "HTML report=https://..."`, `kindgate report --post --input legs/ --leg e2e`
    """
    given = inputs or [settings.path(settings.report.artifacts) / "report.json"]
    if post:
        from kindgate.github.post import post_reports  # noqa: PLC0415  # keeps --help quick

        _show(post_reports(given, settings.github, os.environ, root=settings.root, expected=leg or ()))
        return
    from kindgate.pipeline.pages import parse_links, rewrite_pages  # noqa: PLC0415  # keeps --help quick

    links = parse_links(link or ())

    for file in given:
        for line in rewrite_pages(file, links):
            print(line)


@with_settings("github")
def publish(
    settings: Settings,
    run_id: Annotated[int, typer.Option(help="The workflow run whose reports are published", metavar="N")],
    leg: Annotated[list[str] | None, typer.Option(help="A leg that has to be there; repeatable", metavar="NAME")] = None,
) -> None:
    """Post the report of a finished run of an untrusted pull request (a fork's): what it uploaded is checked, never trusted.

    Example: `kindgate publish --run-id "$RUN_ID"`, from a workflow_run workflow.
    """
    from kindgate.github.publish import publish_run  # noqa: PLC0415  # keeps --help quick

    for result in publish_run(run_id, settings.github, os.environ, expected=leg or ()):
        _show(result)


def _show(result: PostResult) -> None:
    print(result.line)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
