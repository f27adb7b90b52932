"""The files that a workload reads."""

from __future__ import annotations

import pytest

from kindgate.workload.document import parse_slo_document
from kindgate.workload.file_names import files_of, imported_files
from kindgate.workload.model import Workload

TEXT = """
workload:
  data:
    user: {csv: users.csv}
    product: {json: products.json}
  setup:
    - {name: seed, method: POST, path: /seed, body: {file: seed.bin}}
  routes:
    - {name: checkout, method: POST, path: /checkout, expect: {schema: order.schema.json}}
    - {name: inline, path: /, expect: {schema: {type: object}}}
  journeys:
    - {name: buy, steps: [{route: checkout}, {name: cart, path: /cart, expect: {schema: cart.schema.json}}]}
"""


def test_every_file_of_a_workload_is_known() -> None:
    """Rows, bodies and schemas, wherever they are used; an inline schema is no file."""
    workload = parse_slo_document(TEXT)

    assert isinstance(workload, Workload)
    assert files_of(workload) == ("cart.schema.json", "order.schema.json", "products.json", "seed.bin", "users.csv")


@pytest.mark.parametrize("program", ["locust: {file: load/users.py, users: 2}", "k6: {file: load/users.js}"])
def test_a_program_is_a_file_of_its_workload(program: str) -> None:
    """It decides what is sent."""
    workload = parse_slo_document(f"workload: {{{program}}}")

    assert isinstance(workload, Workload)
    assert files_of(workload) == (f"load/users.{'py' if 'locust' in program else 'js'}",)


@pytest.mark.parametrize(
    ("name", "text", "files"),
    [
        (
            "users.py",
            "import json\nimport shared.api\nfrom helpers import x\nfrom . import y\n",
            ("helpers", "helpers.py", "shared", "shared.py"),
        ),
        ("users.py", "def broken(:", ()),
        (
            "load.js",
            "import http from 'k6/http';\nimport { a } from './lib/a.js';\nconst b = open(\"../b.json\");\n",
            ("../b.json", "./lib/a.js"),
        ),
    ],
)
def test_the_imports_of_a_program_are_known(name: str, text: str, files: tuple[str, ...]) -> None:
    """Modules of its own folder, or files by a relative path; not those of Python and of k6."""
    assert imported_files(name, text) == files
