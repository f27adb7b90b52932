"""What `kindgate scenario policy` prints, and the errors of its arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.cli.policy_run import matrix_lines, run_policy
from kindgate.errors import SettingsError, SloError
from kindgate.settings import ClusterSettings, Settings
from kindgate.slo.connections import Connection, Seen


def test_clients_that_saw_the_same_share_a_line() -> None:
    """Sorted by target."""
    tried = [
        Connection("web", "db", 5432, Seen.CONNECTED),
        Connection("neighbor", "db", 5432, Seen.REFUSED),
        Connection("stranger", "db", 5432, Seen.REFUSED),
        Connection("stranger", "api", 80, Seen.TIMED_OUT),
    ]
    assert matrix_lines(tried) == [
        "target   seen       clients",
        "api:80   timed out  stranger",
        "db:5432  connected  web",
        "db:5432  refused    neighbor, stranger",
    ]


def test_a_bad_rule_is_an_error_before_a_cluster_is_looked_for() -> None:
    """The error names the option."""
    with pytest.raises(SloError, match="option"):
        run_policy(Settings(), deny=["db"], allow=[], json_file=None)


def test_an_existing_cluster_is_refused() -> None:
    """Connections are tried inside its nodes."""
    settings = Settings(cluster=ClusterSettings(existing=Path("kubeconfig"), context="mine", ingress_url="http://127.0.0.1:1"))
    with pytest.raises(SettingsError, match="only in a cluster that kindgate created"):
        run_policy(settings, deny=[], allow=[], json_file=None)
