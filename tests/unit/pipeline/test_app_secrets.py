"""Secrets come from the environment or from a file that git ignores; missing ones are reported by name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kindgate.errors import ManifestError, SecretsMissing, SettingsError
from kindgate.pipeline.app_secrets import AppSecrets, read_secrets, refuse_missing, refuse_unused, requested_secrets, without_env_source
from kindgate.settings import DeploySettings, Settings
from kindgate.waiting import Deadline
from tests.unit.deploy.objects import deployment, rendered


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Settings:
    """A project that keeps a secret in .env, ignored by git."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=30)
    (tmp_path / ".gitignore").write_text(".env\n")
    (tmp_path / ".env").write_text("# of the shop\nAPI_TOKEN=from=file\nOTHER=1\n")
    return Settings(tmp_path, deploy=DeploySettings(secrets=("shop=API_TOKEN", "shop=USER_NAME")))


def values(settings: Settings, **environment: str) -> dict[str, str]:
    """Return the values found."""
    return dict(read_secrets(settings, requested_secrets(settings), environment, Deadline.after(30)).values)


def test_the_environment_overrides_its_lines_which_override_the_file(settings: Settings) -> None:
    """Only requested names are used, and an empty variable counts as unset."""
    lines = "API_TOKEN=from lines\nUSER_NAME=mona"

    assert values(settings) == {"API_TOKEN": "from=file"}
    assert values(settings, KINDGATE_APP_SECRETS=lines) == {"API_TOKEN": "from lines", "USER_NAME": "mona"}
    assert values(settings, KINDGATE_APP_SECRETS=lines, API_TOKEN="from environment", USER_NAME="")["API_TOKEN"] == "from environment"


def test_a_file_not_ignored_by_git_is_refused(settings: Settings) -> None:
    """An unignored file might be committed."""
    (settings.root / ".gitignore").unlink()

    with pytest.raises(SettingsError, match=r"\.env .* git does not ignore it"):
        values(settings)


def test_a_committed_file_without_requested_values_is_accepted(settings: Settings) -> None:
    """Many repositories commit a .env with plain settings."""
    (settings.root / ".gitignore").unlink()
    (settings.root / ".env").write_text("OTHER=1\n")

    assert values(settings) == {}


def test_missing_secrets_are_reported_with_their_variables(settings: Settings) -> None:
    """All missing values are reported together."""
    with pytest.raises(SecretsMissing, match="Secret shop needs API_TOKEN, Secret shop needs USER_NAME") as caught:
        refuse_missing(settings, AppSecrets(requested_secrets(settings)))

    assert caught.value.exit_code == 27
    refuse_missing(settings, AppSecrets(requested_secrets(settings), {"API_TOKEN": "a", "USER_NAME": "b"}))


def test_values_are_left_out_of_the_representation(settings: Settings) -> None:
    """A traceback with local variables must not show them."""
    assert "from=file" not in repr(read_secrets(settings, requested_secrets(settings), {}, Deadline.after(30)))


def test_an_unused_secret_is_refused(settings: Settings) -> None:
    """The name is misspelled, and the error lists the valid ones."""
    needs = rendered(deployment(container={"envFrom": [{"secretRef": {"name": "shopp"}}]}))

    with pytest.raises(SettingsError, match="--app-secret shop") as caught:
        refuse_unused(requested_secrets(settings), [needs])

    assert "shopp" in caught.value.next_step


def test_quotes_and_export_are_read_as_compose_reads_them(settings: Settings) -> None:
    """Values match Docker Compose's; lines in the environment use the same syntax."""
    (settings.root / ".env").write_bytes(b"export API_TOKEN=\"line 1\\nline 2\" # of the shop\r\nexport USER_NAME = 'mo$na'\r\n")

    assert values(settings) == {"API_TOKEN": "line 1\nline 2", "USER_NAME": "mo$na"}
    assert values(settings, KINDGATE_APP_SECRETS="API_TOKEN='a\nb'\nUSER_NAME: ${HOME}", HOME="/me") == {
        "API_TOKEN": "a\nb",
        "USER_NAME": "/me",
    }


def test_an_unreadable_file_is_refused(settings: Settings) -> None:
    """The error names the line but shows no value."""
    (settings.root / ".env").write_text("A=1\nAPI_TOKEN='hunter2\n")
    with pytest.raises(SettingsError, match=r"\.env, line 2: the opening quote of the value of API_TOKEN is not closed") as caught:
        values(settings)
    assert "hunter2" not in str(caught.value)

    (settings.root / ".env").write_bytes(b"API_TOKEN=\xe4\n")
    with pytest.raises(SettingsError, match=r"\.env: byte 10 is not UTF-8"):
        values(settings)


def test_a_missing_env_file_of_a_generator_counts_as_missing_secrets() -> None:
    """Kustomize's message names the file; any other error is left unchanged."""
    where = "evalsymlink failure on '/x/secret.env' : lstat /x/secret.env: no such file or directory"
    message = f"loading KV pairs: env source files: [secret.env]: {where}"

    missing = without_env_source(ManifestError("k8s: Kustomize cannot build it", last_state=message))

    assert missing is not None
    assert "secret.env" in missing.message
    assert without_env_source(ManifestError("k8s: no such file or directory: base")) is None
