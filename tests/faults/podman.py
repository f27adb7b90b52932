"""Podman and the host's firewall: the effect of Docker's rules on Podman's clusters, and traces of kindgate's own rule."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Literal

from kindgate.errors import EngineError
from kindgate.host.command import run
from kindgate.host.container_engine import Engine, find_engine
from kindgate.host.firewall import PROGRAMS, dropping_rule, forward_rules
from kindgate.waiting import Deadline
from tests.faults.fault import Expected, Fault, Outcome
from tests.faults.processes import mid_burst
from tests.faults.scene import Scene
from tests.faults.suite_run import Stopwatch

Policy = Literal["ACCEPT", "DROP"]

TWO_NODES = ("--kind-workers", "1")
PODMAN = {"KINDGATE_ENGINE": "podman"}

_COMMAND_SECONDS = 30.0


def podman_engine() -> Engine | str:
    """Root's Podman, or the reason why it is unavailable here."""
    if os.geteuid() != 0:
        return "only root changes the firewall"
    try:
        return find_engine(Deadline.after(_COMMAND_SECONDS), {**os.environ, **PODMAN})
    except EngineError as error:
        return error.message


@contextmanager
def forward_policy(policy: Policy) -> Iterator[None]:
    """Set the FORWARD chain's policy during the block; Docker's daemon sets DROP on start."""
    before = {program: dropping_rule(forward_rules(program, Deadline.after(_COMMAND_SECONDS)) or "") for program in PROGRAMS}
    for program in PROGRAMS:
        run([program, "-P", "FORWARD", policy], deadline=Deadline.after(_COMMAND_SECONDS))
    try:
        yield
    finally:
        for program, rule in before.items():
            run([program, "-P", "FORWARD", "DROP" if rule else "ACCEPT"], deadline=Deadline.after(_COMMAND_SECONDS))


def application_responds(policy: Policy, scene: Scene) -> Outcome:
    """The application responds through the ingress although its pod and the controller are on different nodes."""
    with forward_policy(policy):
        watch = Stopwatch()
        outcome = scene.wait_for_end(scene.start("test_answers", *TWO_NODES, environment=PODMAN), watch)
    rule_added = "until the cluster is deleted" in outcome.text
    problems = () if rule_added == (policy == "DROP") else (f"with policy {policy} a rule was {'' if rule_added else 'not '}set",)
    return Outcome(outcome.exit_code, outcome.seconds, outcome.text, problems)


def rule_refused(scene: Scene) -> Outcome:
    """The firewall accepts no rule from kindgate: this iptables rejects rules with its comment."""
    folder = scene.folder / "bin"
    folder.mkdir()
    for program in PROGRAMS:
        wrapper = folder / program
        wrapper.write_text(
            f'#!/bin/sh\ncase "$*" in *-I*kindgate:*) echo "refused" >&2; exit 4;; esac\nexec {shutil.which(program)} "$@"\n'
        )
        wrapper.chmod(0o755)
    with forward_policy("DROP"):
        environment = {**PODMAN, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        suite_run = scene.start("test_answers", *TWO_NODES, environment=environment)
        suite_run.wait_line("did not accept a new rule")
        watch = Stopwatch()
        outcome = scene.wait_for_end(suite_run, watch)
    problems = () if "-j ACCEPT`" in outcome.text else ("the command that helps is not named",)
    return Outcome(outcome.exit_code, outcome.seconds, outcome.text, problems)


def ended_by(number: signal.Signals, scene: Scene) -> Outcome:
    """A run that has added its rule is stopped in the middle of a burst."""
    with forward_policy("DROP"):
        suite_run = scene.start("test_burst", *TWO_NODES, environment=PODMAN)
        mid_burst(scene, suite_run)
        watch = Stopwatch()
        suite_run.signal(number)
        return scene.wait_for_end(suite_run, watch)


def _ended_row(number: signal.Signals, expected: Expected) -> Fault:
    return Fault(f"podman-{number.name.lower()}-at-burst", "podman", expected, partial(ended_by, number))


FAULTS: tuple[Fault, ...] = (
    Fault(
        "podman-forward-drop",
        "podman",
        Expected((0,), "until the cluster is deleted", within=240.0),
        partial(application_responds, "DROP"),
    ),
    Fault("podman-forward-accept", "podman", Expected((0,), within=240.0), partial(application_responds, "ACCEPT")),
    Fault("podman-rule-refused", "podman", Expected((16,), "the host's firewall drops packets between pods", within=90.0), rule_refused),
    _ended_row(signal.SIGINT, Expected((2,), "interrupted", within=10.0)),
    _ended_row(signal.SIGKILL, Expected((-9,), within=10.0, report=False)),
)
