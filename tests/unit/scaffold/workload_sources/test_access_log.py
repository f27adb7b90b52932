"""A workload from an access log: weights, rows of values, the peak rate, and everything that is not load."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from kindgate.errors import SettingsError, SloError
from kindgate.scaffold.workload_sources.importing import SourceKind
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.model import FileRows
from tests.unit.scaffold.workload_sources.imports import UNSAFE, imported, imported_text, log_line, sent

LOG = SourceKind.ACCESS_LOG


def test_routes_have_the_weights_of_the_log(tmp_path: Path) -> None:
    """The load is what the application really gets."""
    text = log_line("/") * 10 + log_line("/products/17") * 25 + log_line("/products/18") * 5

    result = imported_text(tmp_path, LOG, text)

    assert [(one.path, one.weight) for one in result.workload.routes] == [("/products/{product.id}", 3), ("/", 1)]
    assert result.workload.data == (FileRows("product", "workload-data/product.csv", "csv"),)
    assert result.files == {"workload-data/product.csv": "id\n17\n18\n"}


def test_what_is_not_load_is_counted_by_reason(tmp_path: Path) -> None:
    """The reader sees how much of the log the workload stands for."""
    text = (
        log_line("/") * 3
        + log_line("/", agent="Mozilla/5.0 (compatible; Googlebot/2.1)") * 2
        + log_line("/", agent="kube-probe/1.30")
        + log_line("/app.js") * 4
        + log_line("/nothing", status=404)
        + log_line("/", "OPTIONS")
        + log_line("/users/jane")
        + "broken\n"
    )

    result = imported_text(tmp_path, LOG, text)

    assert {one.reason: one.count for one in result.dropped} == {
        "sent by a robot or a health check": 3,
        "a static file": 4,
        "answered with 404": 1,
        "OPTIONS has no load of its own": 1,
        "its path contains the name of a person or an account": 1,
        "not in a known format": 1,
    }


def test_rare_routes_are_dropped(tmp_path: Path) -> None:
    """They would get no request in most bursts."""
    result = imported_text(tmp_path, LOG, log_line("/") * 2000 + log_line("/rare"))

    assert [one.path for one in result.workload.routes] == ["/"]
    assert [(one.what, one.reason, one.count) for one in result.dropped] == [("GET /rare", "less than 0.1 % of the requests", 1)]


def test_a_route_of_one_client_is_dropped_if_there_are_several(tmp_path: Path) -> None:
    """A page that only one person requests may be about that person."""
    text = log_line("/", client="a") + log_line("/", client="b") + log_line("/my-own-page", client="b")

    result = imported_text(tmp_path, LOG, text)

    assert [one.path for one in result.workload.routes] == ["/"]
    assert "my-own-page" not in str(result)


def test_the_rate_is_that_of_the_busiest_minute(tmp_path: Path) -> None:
    """Robots and static files do not count."""
    text = log_line("/") * 30 + log_line("/", second=61) * 120 + log_line("/app.js", second=61) * 500

    assert imported_text(tmp_path, LOG, text).rate == 2.0
    assert imported_text(tmp_path, LOG, log_line("/") * 30).rate is None


def test_unsafe_requests_are_comments_unless_requested(tmp_path: Path) -> None:
    """Their bodies are not in the log, so a person has to add them anyway."""
    text = log_line("/") + log_line("/checkout", "POST", status=201)

    safe, unsafe = imported_text(tmp_path, LOG, text), imported_text(tmp_path, LOG, text, UNSAFE)

    assert [one.path for one in sent(safe).routes] == ["/"]
    assert [one.path for one in sent(unsafe).routes] == ["/", "/checkout"]
    assert safe.notes == ("bodies are not in an access log: add them to routes that send one",)


def test_the_host_and_the_paths_are_chosen(tmp_path: Path) -> None:
    """A log of an ingress holds several applications."""
    text = "".join(f"{host}:443 {log_line(path)}" for host in ("a.example.com", "b.example.com") for path in ("/x", "/y"))

    result = imported_text(tmp_path, LOG, text, Selection(host="a.example.com", include=("/x",)))

    assert [one.path for one in result.workload.routes] == ["/x"]
    assert {one.reason for one in result.dropped} == {"sent to another host, b.example.com", "not matched by --include"}


def test_a_compressed_log_is_read(tmp_path: Path) -> None:
    """Rotated logs are compressed."""
    (tmp_path / "access.log.gz").write_bytes(gzip.compress(log_line("/").encode()))

    assert [one.path for one in imported(LOG, tmp_path / "access.log.gz").workload.routes] == ["/"]


def test_a_file_that_is_no_access_log_is_refused_with_its_first_line(tmp_path: Path) -> None:
    """A few broken lines are normal, a file of them is something else."""
    text = log_line("/") + "2026-01-31 INFO started\n2026-01-31 INFO stopped\n"

    with pytest.raises(SloError) as caught:
        imported_text(tmp_path, LOG, text)

    assert caught.value.message.endswith("source:2:1: 2 of 3 lines are not in a known format")
    assert "INFO started" in caught.value.last_state


@pytest.mark.parametrize(("text", "message"), [("", "has no lines"), (log_line("/", status=500), "no request can become a route")])
def test_a_log_without_usable_requests_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """Nothing is written for it."""
    with pytest.raises(SloError, match=message):
        imported_text(tmp_path, LOG, text)


def test_a_log_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Also one that only claims to be compressed."""
    (tmp_path / "broken.gz").write_bytes(b"text")

    for name in ("missing.log", "broken.gz"):
        with pytest.raises(SettingsError, match=f"--from-access-log .*{name}"):
            imported(LOG, tmp_path / name)
