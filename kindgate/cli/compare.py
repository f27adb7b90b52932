"""`kindgate compare`: compare the application with its baseline, without pytest."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Annotated

import typer

from kindgate.cli.console import foreign_output, stopwatch_progress
from kindgate.cli.settings import with_settings
from kindgate.errors import SettingsError
from kindgate.settings import Settings


@with_settings("cluster", "images", "deploy", "load", "slo", "metrics", "report", "github")
def compare(settings: Settings, base: Annotated[str, typer.Option(help="Same as --slo-base", metavar="REF_OR_OVERLAY")] = "") -> None:
    """Compare with a baseline: create the cluster, deploy both versions, judge the SLO file's `compare:`, report, delete.

    Example: `kindgate compare --base origin/main`; exits with 20 if this version is slower than tolerated, and with 21
    if the measurement is invalid.
    """
    from kindgate.pipeline.whole import run_whole  # noqa: PLC0415  # keeps --help quick
    from kindgate.pipeline.whole_comparison import judge_comparison  # noqa: PLC0415  # the same

    asked = replace(settings, slo=replace(settings.slo, base=base or settings.slo.base))
    if not asked.slo.compares:
        raise SettingsError("no baseline to compare with", next_step="set --base REF_OR_OVERLAY or --slo-base-image NAME=IMAGE")
    with foreign_output():
        whole = run_whole(asked, stopwatch_progress(), print, judge_comparison)
    for line in whole.annotations:
        print(line, flush=True)
    sys.exit(whole.exit_code)
