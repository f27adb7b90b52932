"""The actions of the scenario `rollout`: workloads get a changed pod template, and their controllers replace the pods.

A correct application loses no request meanwhile: new pods are ready before old ones end, and old ones answer until the
last request has stopped arriving. A revision that cannot start stops the rollout, and the old pods keep serving.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from kindgate.cluster.api_client import connect
from kindgate.cluster.api_retry import request_if_exists, retried
from kindgate.deploy.readiness import wait_ready
from kindgate.errors import DeployError, ScenarioError, WaitFailed
from kindgate.model import ClusterAddress, Manifest, ObjectRef, Rendered
from kindgate.scenarios.action import Note, UndoStep
from kindgate.scenarios.json_patch import Patch
from kindgate.scenarios.state_diff import differences
from kindgate.scenarios.template_changes import Template, stamped, with_environment, with_images, with_missing_image
from kindgate.scenarios.template_patch import change_patch, restore_patch, undo_steps
from kindgate.waiting import Deadline, Pending, Ready, wait_for

READ_SECONDS = 30.0

HOLD_SECONDS = 5.0
"""Seconds for which a stopped rollout is left under load: the old pods serve alone."""

_PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


class Rollout:
    """Give each of `workloads` the changed template, and wait until only pods of the new revision remain."""

    scenario = "rollout"

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef], name: str) -> None:
        self.name = name
        self.episode = uuid.uuid4().hex
        self._address = address
        self.workloads = tuple(workloads)

    @property
    def targets(self) -> tuple[str, ...]:
        """The workloads, for people."""
        return tuple(map(str, self.workloads))

    @functools.cached_property
    def before(self) -> tuple[Manifest, ...]:
        """The workloads as they are before the action, read when first needed; raises `DeployError` and `ScenarioError`."""
        return read_workloads(self._address, self.workloads)

    def undo(self) -> tuple[UndoStep, ...]:
        """Restore each template, and the owners of its fields. Raises `ScenarioError` for a workload that cannot be rolled out."""
        for live in self.before:
            _refuse_kept_pods(live)
            self.changed(live["spec"]["template"])
        return tuple(step for live in self.before for step in undo_steps(live, self.episode))

    def restored(self, deadline: Deadline) -> tuple[str, ...]:
        """Wait until the undo has replaced the pods, and return how the workloads still differ."""
        wait_rolled_out(self._address, self.before, deadline)
        return differences(self.before, read_workloads(self._address, self.workloads))

    def changed(self, template: Template) -> Template:
        """The template of the new revision, without the mark of the episode; raises `ScenarioError` if there is none."""
        return template

    def run(self, note: Note, deadline: Deadline) -> None:
        """Change the templates and wait until the rollouts end. Raises `DeployError` with the cause if they cannot."""
        for live in self.before:
            template = stamped(self.changed(live["spec"]["template"]), self.episode)
            self.patch(live, change_patch(live, template), deadline)
            note(f"{self.name}: {ObjectRef.of(live)}")
        self.wait(note, deadline)

    def wait(self, note: Note, deadline: Deadline) -> None:
        """Wait until the rollouts have ended as they are to end."""
        wait_rolled_out(self._address, self.before, deadline)
        note(f"{self.name}: only new pods remain")

    def patch(self, live: Manifest, patch: Patch, deadline: Deadline) -> None:
        """Apply a JSON patch to a workload; raises `DeployError` if one of its tests fails."""
        path = _path(ObjectRef.of(live))
        with connect(self._address) as api:
            retried(
                lambda: api.request("PATCH", path, deadline, body=patch, content_type="application/json-patch+json"),
                f"{ObjectRef.of(live)} cannot be changed",
                deadline,
            )


class Update(Rollout):
    """A new revision with other variables or images; `images` maps names to references, as `--app-image` does."""

    def __init__(
        self,
        address: ClusterAddress,
        workloads: Sequence[ObjectRef],
        *,
        env: Mapping[str, str] | None = None,
        images: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(address, workloads, "update")
        self._env = dict(env or {})
        self._images = dict(images or {})

    def changed(self, template: Template) -> Template:
        """The template with the variables and the images; raises `ScenarioError` if that changes nothing."""
        changed = with_images(with_environment(template, self._env), self._images)
        if changed == template:
            raise ScenarioError(
                f"the update of {', '.join(self.targets)} changes nothing",
                next_step="give a variable another value, or name an image that the pods use",
            )
        return changed


class Rollback(Rollout):
    """A new revision, and back to the old one as soon as it has been rolled out: both while the application is used."""

    def wait(self, note: Note, deadline: Deadline) -> None:
        """Wait until the new revision is rolled out, restore the templates, and wait for the old revision."""
        super().wait(note, deadline)
        for live in self.before:
            self.patch(live, restore_patch(live, self.episode), deadline)
            note(f"back: {ObjectRef.of(live)}")
        wait_rolled_out(self._address, self.before, deadline)
        note("back: only pods of the old revision remain")


class BadImage(Rollout):
    """A new revision whose image does not exist: the rollout has to stop while the old pods serve, and the cause to be found."""

    def __init__(self, address: ClusterAddress, workloads: Sequence[ObjectRef], hold: float = HOLD_SECONDS) -> None:
        super().__init__(address, workloads, "bad-image")
        self._hold = hold

    def undo(self) -> tuple[UndoStep, ...]:
        """As of every rollout, but only for Deployments: other controllers delete a pod before its successor is ready.

        A StatefulSet then does not replace the broken pod even once its template is restored (kubernetes/kubernetes#67250).
        """
        others = [ref for ref in self.workloads if ref.kind != "Deployment"]
        if others:
            raise ScenarioError(
                f"{others[0]}: only a Deployment keeps an old pod until the new one is ready",
                next_step="limit the scenario to Deployments",
            )
        return super().undo()

    def changed(self, template: Template) -> Template:
        """The template with the missing image."""
        return with_missing_image(template)

    def wait(self, note: Note, deadline: Deadline) -> None:
        """Wait until the cause is found, and then for the time of holding. Raises `ScenarioError` if the rollout does not stop."""
        try:
            wait_rolled_out(self._address, self.before, deadline)
        except DeployError as error:
            if not isinstance(error.__cause__, WaitFailed):
                raise
            note(f"the rollout stopped: {error.message}")
        else:
            raise ScenarioError("the rollout completed, although its image does not exist")
        held = Deadline.after(self._hold, deadline.clock)
        wait_for("the old pods to serve alone", lambda: Ready(None) if held.expired else Pending("serving"), deadline)


def read_workloads(address: ClusterAddress, workloads: Sequence[ObjectRef]) -> tuple[Manifest, ...]:
    """The live workloads; raises `ScenarioError` for one that does not exist."""
    deadline = Deadline.after(READ_SECONDS)
    found = []
    with connect(address) as api:
        for ref in workloads:
            live = request_if_exists(api, "GET", _path(ref), deadline)
            if live is None:
                raise ScenarioError(f"{ref} does not exist", next_step="deploy the application first: `kindgate deploy`")
            found.append(live)
    return tuple(found)


def wait_rolled_out(address: ClusterAddress, workloads: Sequence[Manifest], deadline: Deadline) -> None:
    """Wait until all pods are of the current revision and the others are gone; raises `DeployError` with the cause."""
    wait_ready(Rendered(Path(), tuple(workloads)), address, deadline)


def _refuse_kept_pods(live: Manifest) -> None:
    """Raise `ScenarioError` for a workload that keeps its pods when its template changes."""
    spec = live.get("spec") or {}
    strategy = (spec.get("updateStrategy") or {}).get("type")
    reason = "it is paused" if spec.get("paused") else "its update strategy is OnDelete" if strategy == "OnDelete" else ""
    if reason or spec.get("replicas") == 0:
        raise ScenarioError(
            f"{ObjectRef.of(live)} cannot be rolled out: {reason or 'it has no replicas'}",
            next_step="limit the scenario to other workloads",
        )


def _path(ref: ObjectRef) -> str:
    if ref.kind not in _PLURALS:
        raise ScenarioError(f"{ref} cannot be rolled out", next_step=f"kinds that can be: {', '.join(_PLURALS)}")
    return f"/apis/apps/v1/namespaces/{ref.namespace}/{_PLURALS[ref.kind]}/{ref.name}"
