"""Values of the application's Secrets, from the environment or from a file ignored by git.

A run that lacks one judges nothing: it is skipped with the name of the Secret, and does not pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kindgate.deploy.secrets import RequestedSecret, missing_secrets, with_secrets
from kindgate.errors import CommandNotFound, ManifestError, SecretsMissing, SettingsError
from kindgate.host.command import run
from kindgate.model import Rendered
from kindgate.pipeline.env_file import env_values
from kindgate.settings import DeploySettings, Settings
from kindgate.waiting import Deadline

VARIABLE = "KINDGATE_APP_SECRETS"
"""Environment variable with the content of `.env`, for CI to keep in one secret."""

_ENV_SOURCE = re.compile(r"env source files: \[(?P<file>[^\]]+)\].*no such file", re.DOTALL)


@dataclass(frozen=True)
class AppSecrets:
    """The Secrets of --app-secret, and the value of each of their variables that is set; read once."""

    requested: tuple[RequestedSecret, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    def added_to(self, rendered: Rendered) -> Rendered:
        """Return the manifests with each requested Secret that they refer to but lack."""
        return with_secrets(rendered, self.requested, self.values)


def requested_secrets(settings: Settings) -> tuple[RequestedSecret, ...]:
    """The Secrets of --app-secret."""
    return tuple(RequestedSecret.parse(text) for text in settings.deploy.secrets)


def read_secrets(
    settings: Settings, requested: tuple[RequestedSecret, ...], environment: Mapping[str, str], deadline: Deadline
) -> AppSecrets:
    """Read the values of the requested Secrets.

    Environment variables override the lines of `VARIABLE`, which override the file.
    Raises `SettingsError` for a file that would be committed, and for lines that Docker Compose would also reject.
    """
    names = {secret.variable for secret in requested}
    if not names:
        return AppSecrets()
    file = settings.path(settings.deploy.env_file)
    from_file = env_values(_read_text(file), environment, str(settings.deploy.env_file))
    from_variable = env_values(environment.get(VARIABLE, ""), environment, VARIABLE)
    known = {**from_file, **from_variable, **{name: value for name, value in environment.items() if value}}
    if names & from_file.keys():
        _refuse_unignored_file(file, settings, deadline)
    return AppSecrets(requested, {name: known[name] for name in names if known.get(name)})


def _read_text(file: Path) -> str:
    """The file with its line endings unchanged, because they belong to multi-line values; empty if it is missing."""
    try:
        return file.read_bytes().decode() if file.is_file() else ""
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file}: byte {error.start} is not UTF-8", next_step="save it as UTF-8") from error


def refuse_unused(requested: Iterable[RequestedSecret], parts: Sequence[Rendered]) -> None:
    """Raise `SettingsError` for an --app-secret that no object needs: a typo would leave the real one missing."""
    needed = {ref.name for part in parts for ref in missing_secrets(part)}
    for secret in requested:
        if secret.secret not in needed:
            raise SettingsError(
                f"--app-secret {secret.secret}: the manifests refer to no missing Secret of that name",
                next_step=f"missing Secrets: {', '.join(sorted(needed)) or 'none'}",
            )


def refuse_missing(settings: Settings, secrets: AppSecrets) -> None:
    """Raise `SecretsMissing`, naming each Secret and variable without a value."""
    missing = [f"Secret {secret.secret} needs {secret.variable}" for secret in secrets.requested if secret.variable not in secrets.values]
    if missing:
        raise SecretsMissing(
            f"not judged: {', '.join(missing)}, which is not set",
            next_step=f"set it in the environment or in {settings.deploy.env_file}; in CI, pass it in the workflow's secret `environment`",
        )


def without_env_source(error: ManifestError) -> SecretsMissing | None:
    """The error for a secretGenerator whose env file is missing, which is not the manifests' fault; None for any other error."""
    found = _ENV_SOURCE.search(error.last_state) or _ENV_SOURCE.search(error.message)
    if found is None:
        return None
    return SecretsMissing(
        f"not judged: the env file {found['file']} of a secretGenerator was not found",
        last_state=error.message,
        next_step="create it, add it to .gitignore, and pass it to CI as a secret",
    )


def _refuse_unignored_file(file: Path, settings: Settings, deadline: Deadline) -> None:
    """Skipped outside a git repository or without git: nothing can be committed there."""
    try:
        checked = run(["git", "-C", settings.root.resolve(), "check-ignore", "--quiet", file.resolve()], deadline=deadline, check=False)
    except CommandNotFound:
        return
    if checked.returncode == 1:
        default = " (the default of --app-env-file)" if settings.deploy.env_file == DeploySettings().env_file else ""
        raise SettingsError(
            f"{settings.deploy.env_file}{default} holds secrets, but git does not ignore it", next_step="add it to .gitignore"
        )
