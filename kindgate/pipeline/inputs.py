"""Read, check and plan all input, to find every error before anything is created."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from kindgate.deploy.baseline import Baseline, with_spread_pods
from kindgate.deploy.confinement import confinement_findings, with_enforcement
from kindgate.deploy.entries import Entry, PathSource, entry_note, read_entries
from kindgate.deploy.gateways import with_gateways, with_providers
from kindgate.deploy.manifest_findings import Finding, errors_first, with_lines, with_strict_policy
from kindgate.deploy.manifest_images import with_image_ids, with_images, with_loaded_images
from kindgate.deploy.metrics_api import METRICS_SERVER, needs_metrics_server
from kindgate.deploy.nginx_annotations import with_implied_class
from kindgate.deploy.normalize import normalized
from kindgate.deploy.render import with_components
from kindgate.deploy.tls import with_run_certificates
from kindgate.deploy.validate import raise_for_errors, validate
from kindgate.errors import KindgateError, ManifestError, SettingsError, SloError
from kindgate.host.container_engine import find_engine
from kindgate.model import ObjectRef, Rendered
from kindgate.pipeline.app_secrets import AppSecrets, read_secrets, refuse_missing, refuse_unused, requested_secrets, without_env_source
from kindgate.pipeline.baseline_source import bundled_objects, default_namespace, read_baseline
from kindgate.pipeline.image_supply import ImageSupply, find_image_supply
from kindgate.pipeline.run_objectives import (
    SloFile,
    capacity_notes,
    closed_loop_notes,
    comparison_seconds,
    load_workload,
    read_slo_file,
    refuse_rates_of_program,
)
from kindgate.pipeline.run_tools import Tools, find_tools, renderer
from kindgate.progress import Progress
from kindgate.report.units import span
from kindgate.settings import Settings
from kindgate.slo.comparison_planning import tolerance_advice
from kindgate.slo.objectives import Objectives
from kindgate.waiting import Deadline
from kindgate.workload.burst_plan import LoadedWorkload, refuse_unusable

T = TypeVar("T")

PREPARE_SECONDS = 1800.0
"""On a machine's first run without a registry, kubectl itself might have to be compiled."""


@dataclass(frozen=True)
class Inputs:
    """All validated input: objectives, tools, manifests, images. `base` is the baseline, `workload` the SLO file's, if any."""

    objectives: Objectives
    tools: Tools
    rendered: Rendered
    prerequisites: tuple[Rendered, ...]
    supply: ImageSupply | None
    entries: tuple[Entry, ...] = ()
    base: Baseline | None = None
    workload: LoadedWorkload | None = None

    @property
    def parts(self) -> tuple[tuple[str, Rendered], ...]:
        """All parts to apply, in order, each with its display name."""
        named = [(part.overlay.name, part) for part in (*self.prerequisites, self.rendered)]
        return (*named, ("the baseline", self.base.rendered)) if self.base is not None else tuple(named)

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces of all parts, sorted and unique."""
        return tuple(sorted({namespace for _, part in self.parts for namespace in part.namespaces}))


def prepare(settings: Settings, slo_file: SloFile, folder: Path, progress: Progress, *, fetch: bool = True) -> Inputs:
    """Read and check all input; creates files only in `folder`, the run's private folder.

    `fetch` fetches programs if the choice between versions depends on their availability; without it, the first choice
    is assumed.

    Raises a `KindgateError` for problems with settings, engine, tools, manifests, objectives or images.
    """
    deadline = Deadline.after(PREPARE_SECONDS)
    refuse_rates_of_program(slo_file, settings)
    objectives, workload = slo_file.objectives, load_workload(slo_file.workload, os.environ)
    _refuse_nothing_to_compare(settings, objectives)
    for line in (*closed_loop_notes(workload, objectives), *capacity_notes(objectives, settings)):
        progress(f"note: {line}")
    for line in (*tolerance_advice(objectives.compare), _comparison_time(settings, objectives)) if settings.slo.compares else ():
        progress(f"note: {line}")
    # query the engine while manifests are rendered: both take a large part of a second
    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(find_engine, deadline) if settings.cluster.existing is None else None
        tools = find_tools(settings, deadline, progress)
        application = read_application(settings, tools, deadline)
        rendered, prerequisites = application.rendered, application.prerequisites
        _refuse_unusable_workload(workload, application.entries)
        for line in application.notes:
            progress(f"note: {line}")
        if application.findings:
            progress(f"note: warnings about the manifests: {len(application.findings)}; list them with `kindgate validate`")
        base = None
        if settings.slo.compares:
            base = read_baseline(settings, rendered, prerequisites, tools, application.secrets, folder=folder, deadline=deadline)
            rendered = with_spread_pods(rendered, base.namespaces)
        supply = None
        if engine is not None:
            manifests = (*prerequisites, rendered, *((base.rendered,) if base is not None else ()))
            supply = find_image_supply(settings, engine.result(), manifests, folder=folder / "images", deadline=deadline, progress=progress)
            supply = supply.with_resolved_source(deadline, progress) if fetch else supply
            ids = supply.image_ids(deadline)
            prerequisites = tuple(_loaded(part, supply, progress) for part in prerequisites)
            rendered = with_image_ids(_loaded(rendered, supply, progress), ids)
            if base is not None:
                base = replace(base, rendered=with_image_ids(_loaded(base.rendered, supply, progress), ids))
        return Inputs(objectives, tools, rendered, prerequisites, supply, application.entries, base, workload)


def _loaded(part: Rendered, supply: ImageSupply, progress: Progress) -> Rendered:
    """The part adapted to the images in the nodes; changes are reported."""
    adapted = with_loaded_images(part, supply.loaded)
    for line in adapted.notes[len(part.notes) :]:
        progress(f"note: {line}")
    return adapted


def _refuse_nothing_to_compare(settings: Settings, objectives: Objectives) -> None:
    """A baseline costs resources in the cluster, and the user expects a verdict about it."""
    if settings.slo.compares and not objectives.compare:
        raise SloError(
            f"a baseline is set, but {settings.slo.file} has nothing to compare",
            next_step="add compare: {p(95): {max_regression: 25%}}",
        )


def _comparison_time(settings: Settings, objectives: Objectives) -> str:
    """Expected duration of the comparison, for users who wait for it or set a time limit."""
    least, most = map(span, comparison_seconds(objectives, settings))
    if settings.slo.quick:
        return f"the comparison takes {most} of load but decides nothing"
    return f"the comparison takes {least} to {most} of load, plus the time to redeploy both versions"


@dataclass(frozen=True)
class CheckedApplication:
    """The application's manifests, its prerequisites, its entries, all findings of validation, and the Secrets it was given."""

    rendered: Rendered
    prerequisites: tuple[Rendered, ...]
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    secrets: AppSecrets

    @property
    def notes(self) -> tuple[str, ...]:
        """Additions, omissions and choices that kindgate made in the manifests, one line each."""
        parts = (note for part in (*self.prerequisites, self.rendered) for note in part.notes)
        return (*parts, *(entry_note(entry) for entry in self.entries if entry.source is PathSource.PROBE))


def check_application(settings: Settings, tools: Tools, deadline: Deadline) -> CheckedApplication:
    """Render and validate the application and its prerequisites; findings are returned, errors first.

    Raises `ManifestError` for manifests that cannot be rendered, `SettingsError` and `ImageError` for options that do not fit them.
    """
    try:
        parts = _rendered(settings, tools.kubectl, deadline)
    except ManifestError as error:
        missing = without_env_source(error)
        if missing is None:
            raise
        raise missing from error
    existing = settings.cluster.existing is not None
    parts = normalized(parts, namespace=default_namespace(settings), create_namespaces=not existing)
    confined = settings.deploy.pod_security == "baseline"
    if confined:
        _refuse_archives(settings)
    bundled = bundled_objects(settings, tools.kubectl, deadline) if confined else frozenset[ObjectRef]()
    escapes = confinement_findings(parts, bundled) if confined else []
    parts = with_implied_class(parts)
    parts = parts if existing else normalized(with_gateways(with_providers(parts)))
    parts = with_images(parts, settings.images.app_images, "--app-image")
    requested = requested_secrets(settings)
    refuse_unused(requested, parts)
    secrets = read_secrets(settings, requested, os.environ, deadline)
    parts = tuple(map(secrets.added_to, parts))
    if confined:
        parts = tuple(with_enforcement(part, bundled) for part in parts)
    *prerequisites, rendered = parts if existing else with_run_certificates(parts)
    entered = read_entries(rendered, prerequisites, existing=existing)
    problems = [one for part in (*prerequisites, rendered) for one in validate(part, provided=prerequisites, existing=existing)]
    findings = checked_findings(settings, [*problems, *escapes, *entered.findings])
    return CheckedApplication(rendered, tuple(prerequisites), entered.entries, findings, secrets)


def _refuse_archives(settings: Settings) -> None:
    """An archive can contain any image name, and a loaded image takes precedence over kindgate's image of the same name."""
    for item in settings.images.load:
        if settings.path(Path(item)).is_file():
            raise SettingsError(
                f"--kind-load {item}: an archive can replace an image that runs with more privileges",
                next_step="with --app-pod-security=baseline, use an image in the engine; `kindgate build` builds those of --app-build",
            )


@dataclass(frozen=True)
class CheckResult:
    """Findings of `check_inputs` about the manifests, and the errors of all other input.

    `rendered` and `supply` are None if an error prevented them.
    """

    rendered: Rendered | None
    entries: tuple[Entry, ...]
    supply: ImageSupply | None
    findings: tuple[Finding, ...]
    errors: tuple[KindgateError, ...]
    notes: tuple[str, ...]

    @property
    def first_error(self) -> KindgateError | None:
        """The error that would end a run; `None` if there is none."""
        try:
            raise_for_errors(self.findings)
        except ManifestError as error:
            return error
        return next(iter(self.errors), None)


def check_inputs(settings: Settings, folder: Path, progress: Progress) -> CheckResult:
    """Read and check all input like `prepare`, but continue after an error, to report all of them together."""
    deadline = Deadline.after(PREPARE_SECONDS)
    errors: list[KindgateError] = []

    def attempt(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except KindgateError as error:
            errors.append(error)
            return None

    slo_file = attempt(lambda: read_slo_file(settings))
    if slo_file is not None:
        attempt(lambda: refuse_rates_of_program(slo_file, settings))
        attempt(lambda: _refuse_nothing_to_compare(settings, slo_file.objectives))
    workload = attempt(lambda: load_workload(slo_file.workload, os.environ)) if slo_file is not None else None
    engine = attempt(lambda: find_engine(deadline)) if settings.cluster.existing is None else None
    tools = attempt(lambda: find_tools(settings, deadline, progress))
    application = attempt(lambda: check_application(settings, tools, deadline)) if tools is not None else None
    if tools is None or application is None:
        return CheckResult(None, (), None, (), tuple(errors), ())
    attempt(lambda: refuse_missing(settings, application.secrets))
    attempt(lambda: _refuse_tls_without_url(settings, application.entries))
    attempt(lambda: _refuse_unusable_workload(workload, application.entries))
    rendered, prerequisites = application.rendered, application.prerequisites
    findings = application.findings
    supply = None
    readable = not any(finding.level == "error" and finding.path.endswith(".image") for finding in findings)
    base = None
    if settings.slo.compares:
        secrets = application.secrets
        base = attempt(lambda: read_baseline(settings, rendered, prerequisites, tools, secrets, folder=folder, deadline=deadline))
    notes = list(application.notes)
    if engine is not None and readable:
        images = folder / "images"
        parts = (*prerequisites, rendered, *((base.rendered,) if base is not None else ()))
        supply = attempt(lambda: find_image_supply(settings, engine, parts, folder=images, deadline=deadline, progress=progress))
        if supply is not None:
            notes += [line for part in parts for line in with_loaded_images(part, supply.loaded).notes[len(part.notes) :]]
    return CheckResult(rendered, application.entries, supply, findings, tuple(errors), tuple(notes))


def checked_findings(settings: Settings, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings as a run treats them, deduplicated and with lines: policy findings are errors with --app-strict."""
    treated = with_strict_policy(findings) if settings.deploy.strict else tuple(findings)
    return errors_first(with_lines(dict.fromkeys(treated), Path.cwd()))


def read_application(settings: Settings, tools: Tools, deadline: Deadline) -> CheckedApplication:
    """The application of `check_application`, required to be valid.

    Raises `ManifestError` that names files and objects, `SecretsMissing` if only secrets are missing, and
    `SettingsError` for entries with TLS that cannot be reached.
    """
    checked = check_application(settings, tools, deadline)
    raise_for_errors(checked.findings)
    refuse_missing(settings, checked.secrets)
    _refuse_tls_without_url(settings, checked.entries)
    return checked


def _refuse_tls_without_url(settings: Settings, entries: Iterable[Entry]) -> None:
    """On an existing cluster only its owner knows the URL of entries with TLS."""
    cluster = settings.cluster
    with_tls = next((entry for entry in entries if entry.tls), None)
    if cluster.existing is not None and with_tls is not None and not cluster.ingress_tls_url:
        raise SettingsError(
            f"{with_tls.label} uses TLS, but no TLS URL is known",
            next_step="set --ingress-tls-url https://HOST:PORT (and --ingress-ca FILE)",
        )


def _refuse_unusable_workload(workload: LoadedWorkload | None, entries: Iterable[Entry]) -> None:
    if workload is not None:
        refuse_unusable(workload, dict.fromkeys(entry.host for entry in entries))


def _rendered(settings: Settings, kubectl: Path, deadline: Deadline) -> tuple[Rendered, ...]:
    """The manifests of --app-apply and --app-overlay, in the order of application, with metrics if the run scales the application."""
    sources = renderer(settings, kubectl, deadline)
    prerequisites = [sources.prerequisite(settings.path(path)) for path in settings.deploy.apply]
    rendered = sources.render(settings.path(settings.deploy.overlay), settings.deploy.components)
    if settings.autoscaling and settings.cluster.existing is None and needs_metrics_server((*prerequisites, rendered)):
        rendered = with_components(rendered, [METRICS_SERVER], kubectl=kubectl, deadline=deadline)
    return (*prerequisites, rendered)


def check_artifacts_folder(folder: Path) -> None:
    """Create the folder, and raise `SettingsError` if it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".writable-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"--artifacts {folder}: not writable: {error.strerror}", next_step="use a folder that this user can write to"
        ) from error
