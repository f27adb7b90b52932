"""The entry point of PostgreSQL's image, with recorders in place of PostgreSQL's programs."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from kindgate.assets import manifests

SCRIPT = manifests() / "images" / "postgres" / "docker-entrypoint.sh"
PROGRAMS = ("initdb", "pg_ctl", "psql", "postgres")


class Container:
    """A container's PATH and data folder."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self._folder = folder
        self._path = folder / "bin"
        self._path.mkdir()
        for name in PROGRAMS:
            self._program(name, f'echo "{name} $*" >> "{folder}/calls"')
        self._program("initdb", f'for last; do printf "%s\\n" "$last"; done > "{folder}/initdb"; echo 15 > "$PGDATA/PG_VERSION"')
        self._program("id", "echo 999")

    def start(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Start a container with these arguments and variables."""
        environment = {"PATH": f"{self._path}:/usr/bin:/bin", "PGDATA": str(self.data), **variables}
        return subprocess.run(["sh", SCRIPT, *arguments], env=environment, capture_output=True, text=True, timeout=30, check=False)

    @property
    def calls(self) -> list[str]:
        """The calls of every program but initdb."""
        calls = self._folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    @property
    def initdb(self) -> list[str]:
        """The arguments of initdb."""
        return (self._folder / "initdb").read_text().splitlines()

    def _program(self, name: str, script: str) -> None:
        path = self._path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture(name="container")
def _container(tmp_path: Path) -> Container:
    return Container(tmp_path)


def test_the_first_start_creates_the_database_and_later_ones_do_not(container: Container) -> None:
    """The server starts with the given arguments either way."""
    for _ in range(2):
        result = container.start("-cfsync=off", POSTGRES_PASSWORD="p", POSTGRES_USER="shop", POSTGRES_DB="orders")
        assert result.returncode == 0, result.stderr

    created, *served = [call for call in container.calls if call.startswith(("psql", "postgres"))]
    assert "--username=shop" in container.initdb
    assert created.startswith("psql --username=shop")
    assert created.endswith("--set=name=orders")
    assert served == ["postgres -cfsync=off"] * 2
    assert (container.data / "pg_hba.conf").read_text() == "host all all all scram-sha-256\n"
    assert (container.data / "postgresql.conf").read_text() == "listen_addresses = '*'\n"


def test_scripts_run_on_a_server_with_the_same_settings(container: Container) -> None:
    """Only TCP is closed until the database is complete; the shell that pg_ctl starts reads each argument as one."""
    container.start("postgres", "-c", "log_line_prefix=it's %t", POSTGRES_PASSWORD="p")

    options = next(call for call in container.calls if call.startswith("pg_ctl --options=")).removeprefix("pg_ctl --options=")
    assert shlex.split(options.removesuffix(" --wait start"))[-6:] == [
        "-c",
        "log_line_prefix=it's %t",
        "-c",
        "listen_addresses=",
        "-p",
        "5432",
    ]


def test_quoted_arguments_of_initdb_stay_together(container: Container) -> None:
    """The variable is read as the shell reads a command line."""
    container.start("postgres", POSTGRES_PASSWORD="p", POSTGRES_INITDB_ARGS="--locale='C UTF' --data-checksums")

    assert container.initdb[-2:] == ["--locale=C UTF", "--data-checksums"]


def test_a_password_is_read_from_its_file(container: Container, tmp_path: Path) -> None:
    """A mounted Secret is a file."""
    (tmp_path / "secret").write_text("p\n")

    assert container.start("postgres", POSTGRES_PASSWORD_FILE=str(tmp_path / "secret")).returncode == 0
    assert any(argument.startswith("--pwfile=") for argument in container.initdb)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "set POSTGRES_PASSWORD"),
        ({"POSTGRES_PASSWORD": "p", "POSTGRES_PASSWORD_FILE": "/dev/null"}, "both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE"),
    ],
)
def test_a_database_without_one_clear_password_is_not_created(container: Container, variables: dict[str, str], words: str) -> None:
    """The message names the variables."""
    result = container.start("postgres", **variables)

    assert result.returncode == 1
    assert words in result.stderr
    assert container.calls == []


def test_a_database_can_trust_everyone_without_a_password(container: Container) -> None:
    """Only if it is said explicitly."""
    assert container.start("postgres", POSTGRES_HOST_AUTH_METHOD="trust").returncode == 0
    assert not any(argument.startswith("--pwfile=") for argument in container.initdb)
    assert (container.data / "pg_hba.conf").read_text() == "host all all all trust\n"


def test_another_command_runs_as_it_is(container: Container) -> None:
    """A Job can use the image's client."""
    assert container.start("psql", "--version").returncode == 0
    assert container.calls == ["psql --version"]
    assert not container.data.exists()
