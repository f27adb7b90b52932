"""The `scaling` fixture: raise the load until the autoscalers add pods, and judge that, and what is lost when pods are removed."""

from __future__ import annotations

from collections.abc import Sequence

from kindgate.plugin.scenario_fixture import ScenarioFixture
from kindgate.scenarios.autoscalers import Autoscaler, autoscalers_of
from kindgate.scenarios.scaling import ScaleIn, ScaleOut
from kindgate.slo.episode import Episode
from kindgate.slo.episode_judge import EpisodeJudgement


class Scaling(ScenarioFixture):
    """The application's HorizontalPodAutoscalers under a load that rises and falls, an episode each.

    Workloads are named NAME, NAMESPACE/NAME or Kind/NAME; without any, they are those behind the application's entries. Of
    them, those with an autoscaler in the manifests are scaled. All raise `KindgateError` if there is none, the load cannot be
    sent, or the undo not be completed.
    """

    def scale_out(self, *workloads: str) -> Episode:
        """Raise the load to --scenario-peak until every autoscaler has added pods that are ready; `error` is why one did not."""
        return self._run(lambda: ScaleOut(self._address, self._autoscalers(workloads)))

    def scale_in(self, *workloads: str) -> Episode:
        """After a scale-out: wait at the lower load until pods are removed, with a shorter stabilization window in the meantime."""
        return self._run(lambda: ScaleIn(self._address, self._autoscalers(workloads)))

    def check(self, *episodes: Episode) -> EpisodeJudgement:
        """Judge, and fail the test as `ScenarioFixture.check` does. Without episodes, scale out and in, and judge each action.

        Without objectives in the SLO file, a new pod must be ready in time, and no request may be lost while pods are removed.
        """
        if episodes:
            return super().check(*episodes)
        judgements = [self.judge(episode) for episode in (self.scale_out(), self.scale_in())]
        return self._enforce(*judgements)

    def _default(self) -> Episode:
        return self.scale_out()

    def _repeat(self, episodes: Sequence[Episode]) -> tuple[Episode, ...]:  # noqa: ARG002  # the base class's
        """None: an action begins where the other one ended, so it cannot simply be done again."""
        return ()

    def _autoscalers(self, workloads: tuple[str, ...]) -> tuple[Autoscaler, ...]:
        return autoscalers_of(self._find_targets(workloads), self._cluster.rendered)
