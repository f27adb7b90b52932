"""The controller's side of a session: it owns the pipeline, hears of every test, writes the report, deletes the cluster.

Without xdist the one process is its own controller.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from kindgate.model import Phase
from kindgate.pipeline.lease import lease_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.plugin.actions import CommandGuard
from kindgate.plugin.markers import wants_cluster
from kindgate.plugin.provider import LocalProvider, ProviderServer
from kindgate.plugin.redaction import Redacts, redact
from kindgate.plugin.state import LEASE, PROVIDER, USES_APP, WORKER_INPUT
from kindgate.plugin.terminal import Terminal

if TYPE_CHECKING:
    from kindgate.pipeline.session import Pipeline
    from kindgate.pipeline.stages import Provisioned, Stage
    from kindgate.settings import Settings


class LazyPipeline:
    """The pipeline, made when a test first asks for a stage: importing it takes longer than most test runs."""

    def __init__(self, config: pytest.Config, settings: Settings, run_id: str, terminal: Terminal) -> None:
        self._config = config
        self._settings = settings
        self._run_id = run_id
        self._terminal = terminal
        self.pipeline: Pipeline | None = None

    def reach(self, stage: Stage) -> Provisioned:
        """Bring the pipeline to `stage`; raises `KindgateError`."""
        if self.pipeline is None:
            from kindgate.pipeline.session import Pipeline  # noqa: PLC0415  # see the class

            self.pipeline = Pipeline(self._settings, self._run_id, self._terminal.progress, lambda: _hook_configuration(self._config))
        return self.pipeline.reach(stage)


def _hook_configuration(config: pytest.Config) -> Mapping[str, Any]:
    return config.hook.pytest_kindgate_cluster_config(config=config) or {}


class Controller:
    """The plugin object of the process that owns the run."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.run_id = new_run_id()
        self.terminal = Terminal(config)
        self.guard = CommandGuard(self.terminal.line, os.environ)
        self.lazy = LazyPipeline(config, settings, self.run_id, self.terminal)
        self.provider = LocalProvider(self.lazy)
        self.server: ProviderServer | None = None
        self.interrupted = False
        self.session: pytest.Session | None = None
        self.first_test_seen = False
        self.reports: list[pytest.TestReport] = []
        self._restored: dict[signal.Signals, Any] = {}
        config.stash[PROVIDER] = self.provider
        config.stash[LEASE] = lease_of_run(self.run_id)
        config.add_cleanup(self.guard.close)
        config.add_cleanup(self.close)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401  # xdist's WorkerController has no public type
        """Tell a worker where the controller listens."""
        if self.server is None:
            self.server = ProviderServer(self.provider)
        node.workerinput[WORKER_INPUT] = {
            "address": self.server.address,
            "authkey": self.server.authkey.hex(),
            "run_id": self.run_id,
        }

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Turn SIGTERM and SIGHUP into the interrupt that pytest knows, so that teardown and reports still happen."""
        self.guard.stop()
        heard = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]  # nohup
        self._restored = {number: signal.signal(number, _interrupt) for number in heard}

    def pytest_report_header(self) -> list[str]:
        """Say what will be judged and where."""
        return [f"kindgate: cluster {self.settings.cluster_name}, overlay {self.settings.deploy.overlay}, run {self.run_id}"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what became of each test until the end, and how long the first one that uses the application was waited for."""
        first = report.when == "call" and USES_APP in report.keywords and not self.first_test_seen
        if first and self.lazy.pipeline is not None:
            import psutil  # noqa: PLC0415  # only a run that has a pipeline needs it

            self.first_test_seen = True
            started = psutil.Process().create_time()
            self.lazy.pipeline.log.add(Phase("time to first test", started, report.start - started))
        if self.lazy.pipeline is not None or wants_cluster(self.config):
            redact(report, self._redactor())  # before the terminal, junit.xml and the HTML page hear of it
        self.reports.append(report)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that the run was cut short; pytest also calls this for -x under xdist and for pytest.exit."""
        self.interrupted = excinfo.errisinstance(KeyboardInterrupt)
        if self.interrupted and self.lazy.pipeline is not None:
            self.lazy.pipeline.hand_over()  # whoever interrupts CI kills ten seconds later

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """End with the exit code of what went wrong in the pipeline, when that is why tests could not run or were skipped."""
        self.session = session
        failure = self.provider.failure
        replaced = {pytest.ExitCode.TESTS_FAILED, *((pytest.ExitCode.OK,) if failure is not None and failure.skips else ())}
        if failure is not None and session.exitstatus in replaced:
            session.exitstatus = failure.exit_code

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, exitstatus: int) -> None:
        """Write the report, show what was found, and comment on the pull request."""
        if self.lazy.pipeline is None:
            return
        from kindgate.pipeline.finish import finish  # noqa: PLC0415  # rendering is needed only now
        from kindgate.plugin.outcomes import results_of  # noqa: PLC0415  # the same

        finished = finish(
            self.lazy.pipeline,
            measurements=self.provider.measurements,
            tests=results_of(self.reports),
            exit_code=int(exitstatus),
            interrupted=self.interrupted,
        )
        self.terminal.section("kindgate", finished.lines)
        self.guard.say(finished.annotations)
        if finished.comment_error is not None and self.session is not None and self.session.exitstatus == pytest.ExitCode.OK:
            self.session.exitstatus = finished.comment_error.exit_code

    def _redactor(self) -> Redacts:
        """Knows more secrets the further the pipeline has come."""
        pipeline = self.lazy.pipeline
        if pipeline is None:
            from kindgate.diagnostics.redact import Redactor, environment_secrets  # noqa: PLC0415  # see `LazyPipeline`

            return Redactor(environment_secrets(os.environ))
        from kindgate.pipeline.secrecy import redactor_of  # noqa: PLC0415  # the pipeline has imported the rest already

        return redactor_of(pipeline, os.environ)

    def close(self) -> None:
        """Delete or keep the cluster, after every report is written."""
        if self.server is not None:
            self.server.close()
        if self.lazy.pipeline is not None:
            self.lazy.pipeline.close(failed=self.provider.failure is not None or any(report.failed for report in self.reports))
        self.config.stash[LEASE].forget()
        for number, handler in self._restored.items():
            signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)
