"""An action: something that happens to an application in production, with its undo as data.

The undo is written to disk before the action begins, so that another process can perform it if this one dies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from kindgate.model import ObjectRef
from kindgate.waiting import Deadline

Note = Callable[[str], object]
"""Receives a line about something that the action has just done, for the episode's timeline."""


UndoProgram = Literal["kubectl", "engine"]


@dataclass(frozen=True)
class UndoStep:
    """One command that undoes a part of an action; doing it twice has the effect of doing it once.

    `arguments` are for `program`: kubectl, without those that select the cluster, or the command of the container engine
    that runs the nodes (`unpause NODE`), only on a cluster that kindgate created. `stdin` is its input.
    """

    arguments: tuple[str, ...]
    stdin: str = ""
    program: UndoProgram = "kubectl"


class Action(Protocol):
    """What is done to `targets` (`Deployment shop/web`) in an episode of `scenario`."""

    @property
    def scenario(self) -> str:
        """The name of the scenario, as in its marker: `rollout`."""

    @property
    def name(self) -> str:
        """What is done: `restart`."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The objects that it is done to, for people."""

    @property
    def workloads(self) -> tuple[ObjectRef, ...]:
        """The workloads whose ready pods the timeline shows."""

    def undo(self) -> tuple[UndoStep, ...]:
        """The steps that restore what `run` will change, in order; changes nothing. Raises `KindgateError` if it cannot be undone."""

    def run(self, note: Note, deadline: Deadline) -> None:
        """Do it, and wait until it has ended. Raises `KindgateError` if it does not do what it is to do."""

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """After the undo, wait until everything runs as before; return what still differs, a line each. Raises `KindgateError`."""
