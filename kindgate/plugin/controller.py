"""The controller's side of a session: own the pipeline, receive test reports, write the report, delete the cluster.

Without xdist, the only process is its own controller.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kindgate.cluster.run_folder import claim_run_folder, remove_run_folder, run_folder
from kindgate.errors import HostError, KindgateError, NoVerdict
from kindgate.model import Phase
from kindgate.pipeline.load_lock import load_lock_of_run
from kindgate.pipeline.phases import new_run_id
from kindgate.plugin.interrupts import Interrupts
from kindgate.plugin.known_secrets import controller_secrets
from kindgate.plugin.provider import LocalProvider, ProviderServer
from kindgate.plugin.requested_tests import wants_cluster
from kindgate.plugin.selection import OUTPUT, e2e_requested, selection_of
from kindgate.plugin.session_state import BUNDLE_PROPERTY, E2E, LOAD_LOCK, PROVIDER, USES_APP, WORKER_INPUT
from kindgate.plugin.terminal import CommandGuard, Terminal, commit_of, header_line

if TYPE_CHECKING:
    from kindgate.pipeline.environment import Environment, StageT, VersionSwap
    from kindgate.pipeline.finish import WrittenArtifacts
    from kindgate.pipeline.provisioner import Pipeline
    from kindgate.pipeline.run_objectives import SloFile
    from kindgate.settings import Settings

WORKER_SECONDS = 3.0
"""Seconds for workers to tear down after an interrupt; xdist would wait ten."""

PAGE_SECONDS = 5.0
"""Seconds after the signal until which an interrupted run still writes its HTML page."""

DELETION_SECONDS = 6.0
"""Seconds after the signal for which an interrupted run waits for its watchdog, so the next run finds nothing; 2-4 s are
usual, and a CI runner kills after ten."""


class LazyPipeline:
    """The pipeline, created when a test first requests a stage: importing it takes longer than most test runs."""

    def __init__(self, config: pytest.Config, settings: Settings, run_id: str, terminal: Terminal) -> None:
        self._config = config
        self._settings = settings
        self._run_id = run_id
        self._terminal = terminal
        self.pipeline: Pipeline | None = None

    def reach(self, stage: type[StageT]) -> Environment:
        """Bring the pipeline to `stage`; raises `KindgateError`."""
        return self.get_or_create().reach(stage)

    def swap_versions(self) -> VersionSwap:
        """Swap the two versions of a comparison; raises `KindgateError`."""
        return self.get_or_create().swap_versions()

    def request_autoscaling(self) -> None:
        """Have metrics for autoscalers; the pipeline does not exist yet, since collection precedes every test."""
        self._settings = replace(self._settings, autoscaling=True)

    def get_or_create(self) -> Pipeline:
        """Return the pipeline, creating it if no test has requested a stage."""
        if self.pipeline is None:
            from kindgate.pipeline.provisioner import Pipeline  # noqa: PLC0415  # see the class

            self.pipeline = Pipeline(
                self._settings,
                self._run_id,
                self._terminal.progress,
                lambda: _hook_configuration(self._config),
                lambda: _slo_file(self._config),
            )
        return self.pipeline


def _hook_configuration(config: pytest.Config) -> Mapping[str, Any]:
    return config.hook.pytest_kindgate_cluster_config(config=config) or {}


def _slo_file(config: pytest.Config) -> SloFile:
    """The SLO file that collection has already read in this process, if a selected test has an objective."""
    from kindgate.plugin.item_objectives import slo_file_of  # noqa: PLC0415  # see `LazyPipeline`

    return slo_file_of(config)


class Controller:
    """The plugin object of the process that owns the run."""

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.config = config
        self.settings = settings
        self.run_id = new_run_id()
        self.terminal = Terminal(config)
        self.command_guard = CommandGuard(self.terminal.command, os.environ)
        self.lazy_pipeline = LazyPipeline(config, settings, self.run_id, self.terminal)
        self.secrets = controller_secrets(config, lambda: self.lazy_pipeline.pipeline)
        self.terminal.clean = self.secrets.clean
        self.provider = LocalProvider(self.lazy_pipeline, on_reached=self._mask)
        self.server: ProviderServer | None = None
        self.interrupted = False
        self.stopped_early = False
        self.session: pytest.Session | None = None
        self.first_test_seen = False
        self.tests_ran = False
        self.reports: list[pytest.TestReport] = []
        self._stopped_tests: set[str] = set()
        self.interrupts = Interrupts(self.terminal.progress)
        config.stash[PROVIDER] = self.provider
        config.stash[LOAD_LOCK] = load_lock_of_run(self.run_id)
        config.add_cleanup(self.command_guard.close)
        config.add_cleanup(self.close)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # noqa: ANN401  # xdist's WorkerController has no public type
        """Pass the controller's address to a worker."""
        if self.server is None:
            self.server = ProviderServer(self.provider, claim_run_folder(self.run_id))
        node.workerinput[WORKER_INPUT] = {
            "address": self.server.address,
            "authkey": self.server.authkey.hex(),
            "run_id": self.run_id,
        }

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """End the run before its first test if a worker found an objective that cannot be judged."""
        rejection = self.provider.rejection
        if rejection is not None:
            pytest.exit(rejection.details, returncode=rejection.exit_code)

    @pytest.hookimpl(optionalhook=True, wrapper=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config) -> Generator[None, Any, Any]:
        """Distribute scenarios after all other tests; with --dist each, every worker runs all tests in its own order."""
        scheduler = yield
        if scheduler is None or config.getvalue("dist") == "each":
            return scheduler
        from kindgate.plugin.scenarios_last import ScenariosLast  # noqa: PLC0415  # runs without xdist have no scheduler

        return ScenariosLast(scheduler, self.provider.scenarios)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401  # as above
        """Take over a worker's counts; a crashed worker has none."""
        counts = getattr(node, "workeroutput", {}).get(OUTPUT)
        if counts is not None:
            selection_of(self.config).merge(counts)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Distinguish a run of tests from one that only lists, such as --collect-only and --fixtures."""
        self.tests_ran = not self.config.option.collectonly

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """From now on, signals end the run cleanly."""
        self._mask()
        self.command_guard.stop()
        self.interrupts.install()

    def _mask(self) -> None:
        """Have GitHub's runner mask the values known so far: tests also print outside of records (`pytest -s`)."""
        self.command_guard.mask(self.secrets.values())

    def pytest_report_header(self) -> list[str]:
        """Report what will be judged and where."""
        commit = commit_of(self.settings.root) if wants_cluster(self.config) else ""  # git takes longer than a small suite
        return [header_line(self.settings, self.run_id, commit)]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep every test's report, and record the time until the first test that uses the application."""
        is_first = report.when == "call" and USES_APP in report.keywords and not self.first_test_seen
        if is_first and self.lazy_pipeline.pipeline is not None:
            import psutil  # noqa: PLC0415  # only a run that has a pipeline needs it

            self.first_test_seen = True
            started = psutil.Process().create_time()
            self.lazy_pipeline.pipeline.log.add(Phase("time to first test", started, max(0.0, report.start - started)))
        self._link_evidence(report)
        self.reports.append(report)

    def _link_evidence(self, report: pytest.TestReport) -> None:
        """Link the failed phase's evidence to each test it stopped, in junit.xml, which reads the properties of teardown reports."""
        failure, pipeline = self.provider.failure, self.lazy_pipeline.pipeline
        if failure is None or pipeline is None or not pipeline.bundles:
            return
        if report.when == "setup" and report.failed and failure.summary in report.longreprtext:
            self._stopped_tests.add(report.nodeid)
        elif report.when == "teardown" and report.nodeid in self._stopped_tests:
            report.user_properties.append((BUNDLE_PROPERTY, pipeline.bundles[-1].path))

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Write the results so far and leave the cluster to its watchdog: CI kills a run ten seconds after interrupting it.

        pytest also calls this for -x under xdist, and when it stops early itself.
        """
        self.interrupted = type(excinfo.value) is KeyboardInterrupt
        self.stopped_early = isinstance(excinfo.value, KeyboardInterrupt) and not self.interrupted
        if not self.interrupted:
            return
        self.interrupts.hold()  # until teardown: pytest writes its own notes after this, and a signal would cost the exit code
        self.provider.refuse("the run was interrupted")
        if self.lazy_pipeline.pipeline is not None:
            self.lazy_pipeline.pipeline.cleanup.interrupt()
            self._write_report(int(pytest.ExitCode.INTERRUPTED), quick=True)
        if self.server is not None:
            from kindgate.plugin.xdist_workers import stop_workers  # noqa: PLC0415  # runs without xdist have none

            stop_workers(WORKER_SECONDS)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Use the pipeline's exit code if its failure is why tests could not run or were skipped.

        A disk too full for junit.xml loses nothing else, nor does a teardown interrupted by a signal.
        """
        self.session = session
        if self.interrupted:
            self.interrupts.release()
        self._correct_xdist_exit_code(session)
        failure = self.provider.failure
        replaceable = {pytest.ExitCode.TESTS_FAILED, *((pytest.ExitCode.OK,) if failure is not None and failure.skips else ())}
        if failure is not None and session.exitstatus in replaceable:
            session.exitstatus = failure.exit_code
        self._require_verdict(session)
        try:
            yield
        except OSError as error:
            if not wants_cluster(self.config):
                raise
            self._report_missing_artifact(f"cannot write one of pytest's reports: {error}")
        except KeyboardInterrupt:
            if not self.interrupted:
                raise
            self.terminal.progress("interrupted again: teardown stopped midway")

    def _require_verdict(self, session: pytest.Session) -> None:
        """Report on a run whose requested e2e tests neither passed nor failed, and in CI end it with its own exit code."""
        succeeded = session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}
        calls = (report for report in self.reports if report.when == "call" and E2E in report.keywords)
        passed = any(report.passed and not hasattr(report, "wasxfail") for report in calls)
        if passed or not (succeeded and self.tests_ran and e2e_requested(self.config)):
            return
        self.lazy_pipeline.get_or_create()
        from kindgate.github.workflow_commands import in_ci  # noqa: PLC0415  # most runs have a verdict

        if in_ci(os.environ) and not self.settings.report.allow_no_verdict:
            session.exitstatus = NoVerdict.exit_code

    def _correct_xdist_exit_code(self, session: pytest.Session) -> None:
        """Count a run that xdist stopped after a failure (-x, abortOnFail) as failed, as without xdist, not as interrupted."""
        failed = any(report.failed for report in self.reports)
        uses_cluster = self.lazy_pipeline.pipeline is not None or self.provider.failure is not None
        if self.stopped_early and failed and uses_cluster and session.exitstatus == pytest.ExitCode.INTERRUPTED:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str], session: pytest.Session) -> None:
        """Add the results to pytest-html's page, with a link to kindgate's page."""
        if self.lazy_pipeline.pipeline is None:
            return
        from kindgate.pipeline.finish import linked_summary  # noqa: PLC0415  # rendering is needed only now
        from kindgate.plugin.outcomes import results_of  # noqa: PLC0415  # the same

        prefix.append(
            linked_summary(
                self.lazy_pipeline.pipeline,
                Path.cwd() / Path(os.path.expandvars(self.config.option.htmlpath)).expanduser(),  # as pytest-html reads it
                measurements=self.provider.measurements,
                tests=results_of(self.reports),
                exit_code=int(session.exitstatus),
                interrupted=self.interrupted,
            )
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, exitstatus: int) -> None:
        """Write the report, show the results, and comment on the pull request."""
        if self.lazy_pipeline.pipeline is None:
            return
        if self.interrupted:
            self.interrupts.hold()  # the rest is quick, and a signal now would cost the exit code
        with self.interrupts.held():
            from kindgate.pipeline.finish import publish  # noqa: PLC0415  # rendering is needed only now

            no_time = self.interrupted and self.interrupts.seconds > PAGE_SECONDS
            written = self._write_report(exitstatus if self.session is None else int(self.session.exitstatus), quick=no_time)
            finished = publish(self.lazy_pipeline.pipeline, written)
        self.terminal.section("kindgate", finished.lines)
        if not written.complete:
            self._report_missing_artifact("requested artifacts are missing; see the lines above for the cause")
        self.command_guard.write_commands(finished.annotations)
        if finished.comment_error is not None and self.session is not None and self.session.exitstatus == pytest.ExitCode.OK:
            self.session.exitstatus = finished.comment_error.exit_code

    def _report_missing_artifact(self, message: str) -> None:
        """Report a missing artifact; a run that would have passed ends with the exit code of a host error."""
        self.terminal.line(f"kindgate: {message}")
        if self.session is not None and self.session.exitstatus == pytest.ExitCode.OK:
            self.session.exitstatus = HostError.exit_code

    def _write_report(self, exitstatus: int, *, quick: bool = False) -> WrittenArtifacts:
        """Write every artifact from the results so far; a later call rewrites them."""
        from kindgate.pipeline.finish import write_artifacts  # noqa: PLC0415  # rendering is needed only now
        from kindgate.plugin.outcomes import results_of  # noqa: PLC0415  # the same

        if self.lazy_pipeline.pipeline is None:
            raise AssertionError("nothing to report on")
        return write_artifacts(
            self.lazy_pipeline.pipeline,
            measurements=self.provider.measurements,
            tests=results_of(self.reports),
            exit_code=int(exitstatus),
            interrupted=self.interrupted,
            deselected=selection_of(self.config).deselected,
            quick=quick,
        )

    def close(self) -> None:
        """Delete or keep the cluster, after every report is written. If this is cut short, the watchdog finishes it."""
        if self.server is not None:
            self.server.close()
        if self.interrupted:
            self.interrupts.release()
        try:
            if self.lazy_pipeline.pipeline is not None:
                self._close(self.lazy_pipeline.pipeline)
        except KeyboardInterrupt:
            self.terminal.progress("interrupted: the watchdog deletes the cluster")
        except KindgateError as error:
            self.terminal.line(f"kindgate: {error}\n  the watchdog keeps trying for two minutes")
            if self.session is not None and self.session.exitstatus == pytest.ExitCode.OK:
                raise SystemExit(error.exit_code) from error  # pytest has already set its own code
        finally:
            remove_run_folder(run_folder(self.run_id))
            self.interrupts.restore()

    def _close(self, pipeline: Pipeline) -> None:
        if self.interrupts.interrupted:
            pipeline.cleanup.interrupt()
        failed = self.provider.failure is not None or any(report.failed for report in self.reports)
        kept_cluster_lines = pipeline.cleanup.close(failed=failed)
        for line in kept_cluster_lines:
            self.terminal.line(line)
        if self.interrupts.interrupted and not pipeline.cleanup.wait_deleted(max(0.0, DELETION_SECONDS - self.interrupts.seconds)):
            self.terminal.progress("the watchdog is still deleting the cluster")
