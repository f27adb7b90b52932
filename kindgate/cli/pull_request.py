"""Commands for reports and the pull request."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kindgate.cli.command_options import with_settings
from kindgate.errors import SettingsError
from kindgate.report.markdown_escape import visible
from kindgate.settings import Settings

if TYPE_CHECKING:
    from kindgate.github.comment import PostResult
    from kindgate.github.publication import Request
    from kindgate.report.decision import Requirements, RunIdentity


Legs = Annotated[list[str] | None, typer.Option("--leg", help="Matrix job (leg) that must have a report; repeatable", metavar="NAME")]
Required = Annotated[
    list[str] | None,
    typer.Option(
        "--require",
        help="Checks that each leg must have: tests, objectives, comparison [default: tests, and objectives if the SLO file has any]",
        metavar="WORDS",
    ),
]
Head = Annotated[str, typer.Option(help="Commit that the reports must belong to [default: this run's]", metavar="SHA")]
RunId = Annotated[int | None, typer.Option(help="Workflow run that the reports must belong to [default: this run]", metavar="N")]
Conclusion = Annotated[
    str, typer.Option(help="GitHub's conclusion for the job that wrote the reports; a report that disagrees fails", metavar="WORD")
]
Attempt = Annotated[int | None, typer.Option(help="Run attempt that the reports must belong to", metavar="N")]


@with_settings("slo_file", "slo_inconclusive")
def verify(  # noqa: PLR0917  # typer calls it by name
    settings: Settings,
    reports: Annotated[list[Path], typer.Argument(help="report.json, or a folder of downloaded artifacts", metavar="REPORT...")],
    leg: Legs = None,
    require: Required = None,
    head: Head = "",
    run_id: RunId = None,
    attempt: Attempt = None,
    conclusion: Conclusion = "",
) -> None:
    """Decide whether each leg's verdict allows the change to merge; prints one line per leg, and exits with the reason's code if not.

    Run it where no pull request code runs. Example: `kindgate verify legs --leg e2e --require tests,objectives`
    """
    from kindgate.github.verify import verify as decide_legs  # noqa: PLC0415  # keeps --help quick
    from kindgate.report.decision import RunIdentity  # noqa: PLC0415  # the same

    run = _run(RunIdentity(head, run_id, attempt))
    verified = decide_legs(reports, leg or (), _requirements(settings, require), run, conclusion=conclusion)
    for line in verified.lines:
        print(line)
    raise typer.Exit(verified.decision.exit_code)


@with_settings("report", "github", "slo_file", "slo_inconclusive")
def report(  # noqa: PLR0917  # typer calls it by name
    settings: Settings,
    inputs: Annotated[
        list[Path] | None, typer.Option("--input", help="report.json, or a folder of legs; repeatable", metavar="FILE|DIR")
    ] = None,
    link: Annotated[list[str] | None, typer.Option(help="Add a link to the report; repeatable", metavar="NAME=URL")] = None,
    post: Annotated[bool, typer.Option("--post", help="Post one comment about all inputs to the pull request")] = False,
    leg: Legs = None,
    require: Required = None,
) -> None:
    """Regenerate report.html and summary.md from report.json, or post one comment about the reports of several legs.

    With --post, exits with the code of `kindgate verify` after posting.

    Examples: `kindgate report`, `kindgate report --link "HTML report=https://..."`, `kindgate report --post --input legs/ --leg e2e`
    """
    files = inputs or [settings.path(settings.report.artifacts) / "report.json"]
    if post:
        _post(settings, files, leg or (), require)
        return
    from kindgate.pipeline.pages import parse_links, rewrite_pages  # noqa: PLC0415  # keeps --help quick

    links = parse_links(link or ())
    for file in files:
        for line in rewrite_pages(file, links):
            print(line)


def _post(settings: Settings, inputs: list[Path], legs: Sequence[str], require: list[str] | None) -> None:
    from kindgate.github.post import post_reports  # noqa: PLC0415  # keeps --help quick
    from kindgate.github.verify import verify_all  # noqa: PLC0415  # the same
    from kindgate.report.decision import RunIdentity  # noqa: PLC0415  # the same

    verified = verify_all(inputs, legs, _requirements(settings, require), _run(RunIdentity()))
    _show(post_reports(verified.collected, verified.decisions, settings.github, os.environ, root=settings.root))
    for line in verified.lines:
        print(line)
    raise typer.Exit(verified.decision.exit_code)


def _requirements(settings: Settings, words: list[str] | None) -> Requirements:
    """Required checks: `words`; by default tests, and objectives unless the SLO file exists and has none."""
    from kindgate.github.verify import requirements_of  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.run_objectives import read_slo_file  # noqa: PLC0415  # the same

    if words is None:
        has_none = settings.path(settings.slo.file).is_file() and not read_slo_file(settings).objectives.thresholds
        words = ["tests"] if has_none else ["tests", "objectives"]
    return requirements_of(words, settings.slo.inconclusive)


def _run(requested: RunIdentity) -> RunIdentity:
    from kindgate.github.context import read_context  # noqa: PLC0415  # keeps --help quick
    from kindgate.github.verify import run_of  # noqa: PLC0415  # the same

    return run_of(read_context(os.environ), requested)


@with_settings("github", "slo_inconclusive")
def publish(  # noqa: PLR0917  # typer calls it by name
    settings: Settings,
    run_id: Annotated[int, typer.Option(help="Workflow run to publish", metavar="N")] = 0,
    pull: Annotated[int, typer.Option(help="Pull request whose newest run to publish, if --run-id is not given", metavar="N")] = 0,
    leg: Legs = None,
    require: Required = None,
    workflow: Annotated[str, typer.Option(help="Workflow file that the run must belong to", metavar="FILE")] = "",
    judge: Annotated[
        str, typer.Option(help="Reusable workflow that the run must have called", metavar="OWNER/REPOSITORY/FILE@COMMIT")
    ] = "",
    judged_by: Annotated[int, typer.Option(help="Sealed run that judged the commit; 0 if the run itself did", metavar="N")] = 0,
    conclusion: Annotated[str, typer.Option(help="Conclusion of the sealed run's judging job; empty until it ends", metavar="WORD")] = "",
    watch: Annotated[
        list[str] | None,
        typer.Option(
            help="Files or folders, one per line, whose changes require the suite to run; repeatable; default: all", metavar="PATH"
        ),
    ] = None,
    directory: Annotated[str, typer.Option(help="Folder of the suite's pytest settings", metavar="DIR")] = ".",
    arguments: Annotated[str, typer.Option(help="Arguments that the workflow adds to pytest's command line", metavar="TEXT")] = "",
    pages: Annotated[
        Path | None, typer.Option(help="Write each leg's HTML page to this folder instead of publishing", metavar="DIR")
    ] = None,
    page: Annotated[str, typer.Option(help="URL of this workflow's artifact with the pages, to link to", metavar="URL")] = "",
) -> None:
    """Publish a finished run's verdict on its commit; the run's uploads are checked, never trusted.

    Verdicts are recomputed, also with the base branch's objectives: --directory and --arguments state where and how its suite
    would have run.

    Exits with the code of the decision. Example: `kindgate publish --run-id "$RUN_ID"`, from a workflow_run workflow.
    """
    from kindgate.github.identity import Expected  # noqa: PLC0415  # keeps --help quick
    from kindgate.github.publication import Request, SealedRun  # noqa: PLC0415  # the same
    from kindgate.github.publish import publish_run  # noqa: PLC0415  # the same
    from kindgate.github.suite_settings import Suite  # noqa: PLC0415  # the same
    from kindgate.github.verify import requirements_of  # noqa: PLC0415  # the same

    requirements = requirements_of(require or ["tests", "objectives"], settings.slo.inconclusive)
    request = Request(
        run_id,
        leg or (),
        Expected(workflow, judge),
        requirements,
        watched=tuple(line.strip() for text in watch or () for line in text.splitlines() if line.strip()),
        pull=pull,
        suite=Suite(directory, arguments, required=requirements.objectives),
        page=page,
        sealed=SealedRun(judged_by, conclusion) if judged_by else None,
    )
    if not (run_id or (pull and workflow)):
        raise SettingsError("publish requires --run-id, or --pull and --workflow")
    if pages is not None:
        _write_pages(request, settings, pages)
        return
    published = publish_run(request, settings.github, os.environ)
    for result in published.results:
        _show(result)
    if published.decision is not None:
        print(f"{published.decision.verdict}: {visible(published.decision.reason)}")
    if published.exit_code:
        raise typer.Exit(published.exit_code)


def _write_pages(request: Request, settings: Settings, folder: Path) -> None:
    """Write the pages and output their paths to later steps: GitHub shows a single-file artifact in the browser."""
    from kindgate.github.publish import render_pages  # noqa: PLC0415  # the same
    from kindgate.github.step_files import write_output  # noqa: PLC0415  # keeps --help quick

    written = render_pages(request, settings.github, os.environ, folder)
    for file in written:
        print(f"wrote page {file}")
    if written:
        write_output("page" if len(written) == 1 else "pages", str(written[0] if len(written) == 1 else folder), os.environ)


def _show(result: PostResult) -> None:
    print(result.line)
    for warning in result.warnings:
        print(f"warning: {warning}", file=sys.stderr)
