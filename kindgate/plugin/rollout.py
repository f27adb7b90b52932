"""The `rollout` fixture: replace the application's pods under load, and judge what its requests lost."""

from __future__ import annotations

from collections.abc import Mapping

from kindgate.plugin.scenario_fixture import ScenarioFixture
from kindgate.scenarios.rollout import BadImage, Rollback, Rollout, Update
from kindgate.slo.episode import Episode


class Rollouts(ScenarioFixture):
    """Rollouts of the application, each in an episode of load, and undone at its end.

    Workloads are named NAME, NAMESPACE/NAME or Kind/NAME; without any, they are those behind the application's entries. All
    raise `KindgateError` if the action cannot be done, the load not be sent, or the undo not be completed.
    """

    def restart(self, *workloads: str) -> Episode:
        """Replace the pods, as `kubectl rollout restart` does."""
        return self._run(lambda: Rollout(self._address, self._find_targets(workloads), "restart"))

    def update(self, *workloads: str, env: Mapping[str, str] | None = None, images: Mapping[str, str] | None = None) -> Episode:
        """Roll out a revision with other variables, or with images in place of those called as the keys."""
        return self._run(lambda: Update(self._address, self._find_targets(workloads), env=env, images=images))

    def rollback(self, *workloads: str) -> Episode:
        """Roll out a new revision, and the old one again, both under the load of one episode."""
        return self._run(lambda: Rollback(self._address, self._find_targets(workloads), "rollback"))

    def bad_image(self, *workloads: str) -> Episode:
        """Roll out an image that does not exist; the episode has an `error` unless the rollout stops and the cause is found."""
        return self._run(lambda: BadImage(self._address, self._find_targets(workloads)))

    def _default(self) -> Episode:
        return self.restart()
