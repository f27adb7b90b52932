"""The SLO file's workload as the burst of `kindgate load`, with its setup before and its teardown after."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from kindgate.cli.load_plan import GeneratorLocation, LoadOptions
from kindgate.errors import SettingsError
from kindgate.load.plan import BurstPlan, ClosedLoop, OpenLoop
from kindgate.pipeline.burst_plans import endpoints_of
from kindgate.pipeline.environment import DeployedApplication
from kindgate.pipeline.workload_setup import WorkloadSetup, with_setup_values
from kindgate.settings import LoadSettings
from kindgate.workload.burst_plan import LoadedWorkload, PlanSettings, shaped_loop, workload_plan
from kindgate.workload.model import LoadShape


@dataclass(frozen=True)
class WorkloadBurst:
    """The burst of a workload; `setup` is None if it needs nothing before the load and nothing after it."""

    plan: BurstPlan
    setup: WorkloadSetup | None

    @contextmanager
    def prepared(self, plan: BurstPlan) -> Iterator[BurstPlan]:
        """Send the setup, and yield `plan` with its values; the teardown follows, and a line for each of its failures.

        Raises `LoadError` for a request of the setup that fails.
        """
        if self.setup is None:
            yield plan
            return
        with TemporaryDirectory(prefix="kindgate-") as name:
            folder = Path(name)
            try:
                yield with_setup_values(plan, self.setup.values(folder / "setup"))
            finally:
                for line in self.setup.tear_down(folder):
                    print(line, file=sys.stderr)


def refuse_parts_of_nothing(parts: Sequence[str], *, workload: bool, others: Sequence[str]) -> None:
    """Raise `SettingsError` for --route next to `others`, options that select something else, and without a workload."""
    if parts and others:
        raise SettingsError(f"--route names a part of the workload: remove {' and '.join(others)}")
    if parts and not workload:
        raise SettingsError("--route: the SLO file has no workload", next_step="add workload: to it, or set --slo-file FILE")


def refuse_request_options(given: Mapping[str, bool]) -> None:
    """Raise `SettingsError` for options that describe requests; the workload describes its own."""
    named = [option for option, is_given in given.items() if is_given]
    if named:
        raise SettingsError(
            f"the SLO file's workload describes its own requests: remove {', '.join(named)}",
            next_step="use --host HOST to send requests to the paths of a host instead, or --url",
        )


def workload_burst(
    location: GeneratorLocation,
    loaded: LoadedWorkload,
    options: LoadOptions,
    defaults: LoadSettings,
    parts: Sequence[str],
    *,
    loop: OpenLoop | ClosedLoop | None = None,
) -> WorkloadBurst:
    """The burst of the running application's workload, or of its `parts`; `loop` replaces what the options and `load:` say.

    Raises `SloError`, pointing at the document, for what cannot be sent, and `LoadError` for contradicting options.
    """
    application = location.application
    reached = replace(application, cluster=replace(application.cluster, address=location.address()))
    salt = secrets.token_hex(4)  # every burst on a kept cluster has unique values
    shape = loaded.workload.load
    settings = PlanSettings(
        loop=shaped_loop(shape, defaults.rate, defaults.duration, defaults.arrival),
        seed=defaults.seed,
        timeout=defaults.timeout,
        ca_file=location.ca_file,
        salt=salt,
    )
    plan = workload_plan(loaded, endpoints_of(reached), settings, parts)
    if plan.program is not None and (loop is not None or options.any_given):
        raise SettingsError("the SLO file's workload is a program, which defines the load: remove the options about rate and users")
    if loop is not None or options.any_given:
        plan = replace(plan, loop=loop or _loop(options, shape, defaults))
    return WorkloadBurst(plan, _setup(application, loaded, salt, defaults.timeout))


def _loop(options: LoadOptions, shape: LoadShape, defaults: LoadSettings) -> OpenLoop | ClosedLoop:
    """The loop of the options; what they leave out is as in `load:`."""
    sized = replace(
        defaults,
        rate=shape.rate or defaults.rate,
        duration=shape.duration or defaults.duration,
        arrival=shape.arrival or defaults.arrival,
    )
    loop = options.loop(sized)
    return replace(loop, streams=shape.streams) if isinstance(loop, OpenLoop) and options.arrival is None else loop


def _setup(application: DeployedApplication, loaded: LoadedWorkload, salt: str, timeout: float) -> WorkloadSetup | None:
    if not (loaded.workload.setup or loaded.workload.teardown):
        return None
    return WorkloadSetup(loaded, endpoints_of(application), application.address, {"": {}}, salt, timeout)
