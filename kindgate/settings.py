"""Everything a user can set, in one frozen `Settings` with a group per subject.

A field's annotation carries its option: `--kind-workers 2` on a command line, `kind_workers = 2` in pytest.ini,
`KINDGATE_KIND_WORKERS=2` in the environment. A command line beats the ini file, which beats the environment, which
beats the default. `docs/options.md` is made from this table.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kindgate.errors import SettingsError

Keep = Literal["never", "on-failure", "always"]
ImageSourceName = Literal["auto", "registry", "build"]


@dataclass(frozen=True)
class Option:
    """How a field is set: its flag, what the value is called in `--help`, and the help text."""

    flag: str
    help: str
    metavar: str = ""
    foreign: bool = False
    """The flag belongs to pytest-kind's plugin: kindgate reads it and does not register it in pytest."""

    @property
    def ini(self) -> str:
        """The key in pytest.ini."""
        return self.flag.removeprefix("--").replace("-", "_")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return "KINDGATE_" + self.ini.upper()


class Group(BaseModel):
    """A group of settings: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClusterSettings(Group):
    """The cluster's shape and life."""

    name: Annotated[
        str, Option("--cluster-name", "Name of the KinD cluster; default: kindgate-<hash of the root folder>", "NAME", foreign=True)
    ] = ""
    keep: Annotated[Keep, Option("--kind-keep", "Keep the cluster after the run: never, on-failure or always", "WHEN")] = "never"
    workers: Annotated[
        int, Field(ge=0, le=20), Option("--kind-workers", "Worker nodes beside the control plane; 0 is a single node", "N")
    ] = 2
    config: Annotated[Path | None, Option("--kind-config", "A kind configuration that is merged with kindgate's own", "FILE")] = None
    node_image: Annotated[str, Option("--kind-image", "Node image to use instead of the locked one", "IMAGE", foreign=True)] = ""
    host_port: Annotated[
        int, Field(ge=0, le=65535), Option("--kind-host-port", "Port of 127.0.0.1 that leads to the ingress; 0 takes a free one", "PORT")
    ] = 0
    timeout: Annotated[float, Field(gt=0), Option("--kind-timeout", "Seconds until the created cluster has to be usable", "SECONDS")] = (
        300.0
    )
    existing: Annotated[Path | None, Option("--kind-existing", "Kubeconfig of a cluster to use instead of creating one", "KUBECONFIG")] = (
        None
    )
    context: Annotated[str, Option("--kind-context", "Context of --kind-existing's kubeconfig", "NAME")] = ""
    ingress_url: Annotated[str, Option("--ingress-url", "Where the ingress of --kind-existing's cluster is reached", "URL")] = ""
    kind_bin: Annotated[str, Option("--kind-bin", "kind to use instead of the locked one", "PATH", foreign=True)] = ""
    kubectl_bin: Annotated[str, Option("--kind-kubectl-bin", "kubectl to use instead of the locked one", "PATH", foreign=True)] = ""
    kubeconfig: Annotated[
        Path | None, Option("--kubeconfig", "Where to write the cluster's kubeconfig; default: a private file", "FILE", foreign=True)
    ] = None

    @field_validator("name")
    @classmethod
    def _is_a_container_name(cls, value: str) -> str:
        if value and not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,48}[a-z0-9])?", value):
            raise ValueError(
                "must be lower-case letters, digits, dots and dashes, start and end with a letter or digit, and have at most 50 characters"
            )
        return value

    @model_validator(mode="after")
    def _existing_is_complete(self) -> Self:
        if self.existing is None and (self.context or self.ingress_url):
            raise ValueError("--kind-context and --ingress-url belong to --kind-existing KUBECONFIG, which is not given")
        if self.existing is not None and not (self.context and self.ingress_url):
            raise ValueError("--kind-existing needs --kind-context NAME and --ingress-url URL too")
        if self.existing is not None and self.keep != "never":
            raise ValueError("--kind-keep is about clusters that kindgate creates: leave it out with --kind-existing")
        return self


class ImageSettings(Group):
    """Where images come from."""

    source: Annotated[
        ImageSourceName, Option("--image-source", "auto, registry, or build (from Go modules and Debian packages)", "SOURCE")
    ] = "auto"
    registry_mirror: Annotated[
        str, Option("--registry-mirror", "Registry host (a pull-through cache) to pull every image through", "HOST")
    ] = ""
    load: Annotated[
        tuple[str, ...],
        Option("--kind-load", "Image of the local engine, or an image archive, to load into the nodes; repeatable", "IMAGE|ARCHIVE"),
    ] = ()
    app_image: Annotated[
        tuple[str, ...], Option("--app-image", "Judge IMAGE of the local engine where the manifests say NAME; repeatable", "NAME=IMAGE")
    ] = ()
    allow_missing: Annotated[
        bool, Option("--images-allow-missing", "Go on when an image cannot be provided, and let the cluster report it")
    ] = False
    seed: Annotated[
        Path | None, Option("--image-seed", "Folder of compiled binaries with SHA256SUMS, to save the build source's compile time", "DIR")
    ] = None

    @field_validator("app_image")
    @classmethod
    def _names_an_image(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            name, equals, image = item.partition("=")
            if not (name and equals and image):
                raise ValueError(f"{item!r} is not of the form NAME=IMAGE")
        return value


class DeploySettings(Group):
    """The application under judgement."""

    overlay: Annotated[Path, Option("--kind-overlay", "Kustomize overlay of the application", "DIR")] = Path("k8s/overlays/ci")
    components: Annotated[
        tuple[str, ...],
        Option("--kind-component", "Bundled component to apply beside the overlay (ingress-traefik, prometheus, ...); repeatable", "NAME"),
    ] = ()
    apply: Annotated[
        tuple[Path, ...], Option("--kind-apply", "Manifests to apply before the overlay (CRDs, a database); repeatable", "PATH")
    ] = ()
    timeout: Annotated[
        float, Field(gt=0), Option("--kind-deploy-timeout", "Seconds until everything that was applied has to be ready", "SECONDS")
    ] = 180.0


class LoadSettings(Group):
    """The bursts that objectives are judged from."""

    rate: Annotated[float, Field(gt=0), Option("--load-rate", "Requests per second of a burst, over all hosts", "N")] = 300.0
    duration: Annotated[float, Field(gt=0), Option("--load-duration", "Seconds of one burst", "SECONDS")] = 2.0
    warmup: Annotated[float, Field(ge=0), Option("--load-warmup", "Seconds of the burst that is sent first and discarded", "SECONDS")] = 2.0
    arrival: Annotated[Literal["poisson", "uniform"], Option("--load-arrival", "poisson or uniform arrivals", "KIND")] = "poisson"
    seed: Annotated[int, Field(ge=0), Option("--load-seed", "Seed of the schedule and of the order of hosts", "N")] = 1
    timeout: Annotated[float, Field(gt=0), Option("--load-timeout", "Seconds after which a request has failed", "SECONDS")] = 10.0


class SloSettings(Group):
    """The objectives and what to make of a doubtful one."""

    file: Annotated[Path, Option("--slo-file", "File of objectives", "FILE")] = Path("tests/e2e/slo.yaml")
    bursts: Annotated[
        int, Field(ge=1, le=200), Option("--slo-bursts", "Bursts per look; a doubtful verdict takes up to three looks", "K")
    ] = 20
    inconclusive: Annotated[
        Literal["warn", "fail", "pass"],
        Option("--slo-inconclusive", "What an undecided objective does to the test: warn, fail or pass", "WHAT"),
    ] = "warn"
    quick: Annotated[bool, Option("--slo-quick", "One burst only: shows figures, decides nothing but facts")] = False


class MetricsSettings(Group):
    """Prometheus."""

    prometheus: Annotated[
        Literal["required", "optional", "off"], Option("--prometheus", "required, optional (go on without it, and say so) or off", "WHEN")
    ] = "required"


class ReportSettings(Group):
    """What a run leaves behind."""

    artifacts: Annotated[
        Path, Option("--artifacts", "Folder for report.json, report.html, junit.xml, summary.md and failure bundles", "DIR")
    ] = Path("artifacts")


class GitHubSettings(Group):
    """The comment on the pull request."""

    comment: Annotated[
        Literal["auto", "always", "on-change", "on-failure", "never", "require"],
        Option("--github-comment", "When to write the comment: auto, always, on-change, on-failure, never or require", "WHEN"),
    ] = "auto"
    id: Annotated[
        str, Option("--github-id", "Tells this suite's comment from others; default: made from workflow and root folder", "ID")
    ] = ""
    author: Annotated[str, Option("--github-author", "Login that the comment is written as", "LOGIN")] = "github-actions[bot]"


class Settings(Group):
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

    @property
    def cluster_name(self) -> str:
        """The asked name, or one that is the same for every run in this folder and differs between folders."""
        digest = hashlib.sha256(str(self.root.resolve()).encode()).hexdigest()[:8]
        return self.cluster.name or f"kindgate-{digest}"

    def path(self, value: Path) -> Path:
        """`value` as an absolute path, counted from the root folder."""
        return value if value.is_absolute() else self.root / value


@dataclass(frozen=True)
class OptionField:
    """One row of the table of options: where its value goes, and what it may be."""

    group: str
    name: str
    option: Option
    annotation: Any
    default: Any

    @property
    def repeatable(self) -> bool:
        """Whether the flag may be given several times."""
        return isinstance(self.default, tuple)

    @property
    def switch(self) -> bool:
        """Whether the flag takes no value."""
        return self.annotation is bool


def option_fields() -> Iterator[OptionField]:
    """Every option, in the order of the groups above."""
    for group, field in Settings.model_fields.items():
        if isinstance(field.default, Group):
            for name, inner in type(field.default).model_fields.items():
                for option in inner.metadata:
                    if isinstance(option, Option):
                        yield OptionField(group, name, option, inner.annotation, inner.default)


def _from_text(row: OptionField, text: str) -> object:
    """A value as ini files and the environment write it: lists by white space or line, switches as words."""
    if row.repeatable:
        return tuple(text.split())
    if row.switch:
        if text.lower() not in {"1", "true", "yes", "on", "0", "false", "no", "off", ""}:
            raise SettingsError(f"{row.option.ini}: {text!r} is not true or false")
        return text.lower() in {"1", "true", "yes", "on"}
    return text


def build_settings(root: Path, command_line: Mapping[str, object], ini: Mapping[str, str], environment: Mapping[str, str]) -> Settings:
    """The settings of a run: command line over ini over environment over default.

    `command_line` and `ini` are keyed by the option's ini name; a value of None, an empty list or an empty text is
    as good as not given. Raises `SettingsError` that names the option and what is wrong with the value.
    """
    groups: dict[str, dict[str, object]] = {}
    for row in option_fields():
        key = row.option.ini
        given = command_line.get(key)
        text = ini.get(key) or environment.get(row.option.variable)
        if given not in (None, [], (), "", False):
            value: object = tuple(given) if isinstance(given, list) else given
        elif text:
            value = _from_text(row, text)
        else:
            continue
        groups.setdefault(row.group, {})[row.name] = value
    try:
        return Settings.model_validate({"root": root, **groups})
    except ValidationError as error:
        raise SettingsError(_explain(error), next_step="`kindgate --help` and docs/options.md list every option") from error


def _explain(error: ValidationError) -> str:
    """The first problem, in terms of the option that the user wrote."""
    flags = {(row.group, row.name): row.option.flag for row in option_fields()}
    first = error.errors()[0]
    place = tuple(str(part) for part in first["loc"])
    flag = flags.get((place[0], place[1])) if len(place) > 1 else None
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{flag}: {message} (got {first['input']!r})" if flag else message
