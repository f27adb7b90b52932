"""The files of an import: nothing edited is overwritten, everything that was dropped is listed."""

from __future__ import annotations

from pathlib import Path

import yaml

from kindgate.load.variables import Rows
from kindgate.scaffold.file_changes import Kind, compare_files, write
from kindgate.scaffold.workload_files import dropped_lines, plan_workload, summary_of, variables_of
from kindgate.scaffold.workload_sources.imported import Dropped, Imported
from kindgate.scaffold.workload_sources.importing import ImportRequest, SourceKind
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.slo.slo_file import parse_document
from kindgate.workload.data_files import read_data_files
from kindgate.workload.document import parse_slo_document, parse_workload
from kindgate.workload.model import EnvironmentValue, FileRows, RandomUuid, Workload, WorkloadRoute

REQUEST = ImportRequest(SourceKind.OPENAPI, "api/openapi.yaml", Selection())
DATA = "workload-data/product.csv"
IMPORTED = Imported(
    Workload(
        routes=(
            WorkloadRoute("show", "/products/{product.id}", headers=(("X-Key", "{key}"),)),
            WorkloadRoute("buy", "/buy/{id}", "POST"),
        ),
        data=(FileRows("product", DATA, "csv"), EnvironmentValue("key", "API_KEY", secret=True), RandomUuid("id")),
    ),
    {DATA: "id\n17\n"},
    disabled=frozenset({("routes", "buy"), ("data", "id")}),
    dropped=(Dropped("GET /a", "deprecated"), Dropped("GET /b", "deprecated", 2), Dropped("x\nroutes: []", "odd")),
    notes=("edit the values",),
    thresholds=(("http_req_failed", ("rate<0.02",)), ("http_req_duration{name:show}", ("p(95)<300", "p(99)<800"))),
    rate=12.5,
)
SLO = """# Limits.
thresholds:
  http_req_duration:
    - p(95)<500
# The load.
bursts:
  count: 25
"""


def kinds(folder: Path, imported: Imported = IMPORTED) -> dict[str, Kind]:
    """What an import does with each file."""
    return {one.path.relative_to(folder).as_posix(): one.kind for one in plan_workload(folder, imported, REQUEST).changes}


def generated_slo(folder: Path, text: str = SLO) -> Path:
    """An SLO file as kindgate wrote it."""
    write(compare_files(folder, {folder / "slo.yaml": text}))
    return folder / "slo.yaml"


def test_the_workload_and_its_data_are_written(tmp_path: Path) -> None:
    """What may change data is a comment, and the header says what a person has to know."""
    write(plan_workload(tmp_path, IMPORTED, REQUEST).changes)

    text = (tmp_path / "workload.yaml").read_text()
    workload = parse_workload(text, folder=tmp_path)
    assert [one.name for one in workload.routes] == ["show"]
    (rows,) = (one for one in read_data_files(workload, {"API_KEY": "x"}).variables if isinstance(one, Rows))
    assert rows == Rows("product", ("id",), (("17",),))
    assert "  # - name: buy\n" in text
    for line in (
        "kindgate init --from-openapi openapi.yaml",
        "API_KEY",
        "12.5 per second",
        "Edit the values",
        "3x GET /a, GET /b: deprecated",
    ):
        assert line in text.partition("data:")[0]


def test_an_unedited_import_is_updated_by_the_next_one(tmp_path: Path) -> None:
    """Descriptions change; files that the new import does not need are removed."""
    write(plan_workload(tmp_path, IMPORTED, REQUEST).changes)
    other = Imported(Workload((WorkloadRoute("home", "/"),)))

    assert kinds(tmp_path) == {"workload.yaml": Kind.SAME, DATA: Kind.SAME, ".kindgate-workload": Kind.SAME}
    assert kinds(tmp_path, other) == {"workload.yaml": Kind.UPDATE, DATA: Kind.DELETE, ".kindgate-workload": Kind.UPDATE}


def test_an_edited_workload_is_kept_with_its_data(tmp_path: Path) -> None:
    """A person's work is never overwritten, and its data must fit it."""
    write(plan_workload(tmp_path, IMPORTED, REQUEST).changes)
    file = tmp_path / "workload.yaml"
    file.write_text(file.read_text() + "# mine\n")

    assert kinds(tmp_path, Imported(Workload((WorkloadRoute("home", "/"),)))) == {"workload.yaml": Kind.KEEP}


def test_a_generated_slo_file_uses_the_workload_and_the_thresholds(tmp_path: Path) -> None:
    """So that the next run sends it."""
    slo_file = generated_slo(tmp_path)

    plan = plan_workload(tmp_path, IMPORTED, REQUEST)
    write(plan.changes)

    text = slo_file.read_text()
    assert plan.lines == ()
    assert {str(one.selector) for one in parse_document(text).thresholds} == {"http_req_failed", "http_req_duration{route:show}"}
    assert parse_slo_document(text) is not None
    assert yaml.safe_load(text)["bursts"] == {"count": 25}
    assert kinds(tmp_path) == {"workload.yaml": Kind.SAME, DATA: Kind.SAME, ".kindgate-workload": Kind.SAME}


def test_without_thresholds_the_generated_ones_stay(tmp_path: Path) -> None:
    """Only the load changes."""
    slo_file = generated_slo(tmp_path)

    write(plan_workload(tmp_path, Imported(Workload((WorkloadRoute("home", "/"),))), REQUEST).changes)

    assert slo_file.read_text().startswith(SLO)


def test_lines_for_an_edited_slo_file_are_shown_instead(tmp_path: Path) -> None:
    """It belongs to a person."""
    slo_file = generated_slo(tmp_path)
    slo_file.write_text(SLO + "# mine\n")

    plan = plan_workload(tmp_path, IMPORTED, REQUEST)

    assert slo_file not in {one.path for one in plan.changes}
    assert yaml.safe_load("\n".join(plan.lines)) == {
        "workload": "workload.yaml",
        "thresholds": {"http_req_failed": ["rate<0.02"], "http_req_duration{name:show}": ["p(95)<300", "p(99)<800"]},
    }


def test_dropped_entries_are_summed_up_by_reason() -> None:
    """With a few examples each."""
    dropped = [Dropped(f"GET /{number}", "deprecated") for number in range(5)] + [Dropped("lines", "odd", 7)]

    assert list(dropped_lines(dropped)) == ["5x GET /0, GET /1, GET /2 and 2 more: deprecated", "7x lines: odd"]


def test_the_summary_counts_what_is_sent() -> None:
    """And what is not, with the way to change that."""
    assert summary_of(IMPORTED) == "1 route; 1 that may change data is commented out (--unsafe sends them)"
    assert variables_of(IMPORTED) == ("API_KEY",)
