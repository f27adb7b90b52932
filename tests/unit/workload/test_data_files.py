"""Files and variables of a workload: what is read, and errors that name the place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from kindgate.errors import KindgateError, SecretsMissing, SloError
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid
from kindgate.workload.data_files import WorkloadData, read_data_files
from kindgate.workload.document import parse_workload

TEXT = """\
data:
  user: {csv: users.csv, order: random}
  product: {json: products.json}
  word: {json: words.json}
  unused: {csv: users.csv}
  order: uuid
  n: {counter: 5}
  size: {int: [1, 10]}
  color: {choice: [red, 2]}
  region: {env: REGION}
  key: {secret: API_KEY}
routes:
  - name: search
    path: /products/{product.id}?q={word}
    headers: {X-Key: "{key}"}
    body: {json: {email: "{user.email}", price: "{product.price}"}}
    expect: {schema: search.schema.json}
  - {name: upload, path: /blob, body: {file: blob.bin}, expect: {schema: {type: object}}}
"""
ENVIRONMENT = {"REGION": "", "API_KEY": "s3cr3t-value"}


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with every file of the workload."""
    (tmp_path / "users.csv").write_bytes("\ufeffid,email,phone\r\n1,a@x,5\r\n2,b@x,6\r\n".encode())
    (tmp_path / "products.json").write_text('[{"id": 1, "price": 2.5, "tags": []}, {"id": 2, "price": null}]')
    (tmp_path / "words.json").write_text('["shoe", "hat"]')
    (tmp_path / "search.schema.json").write_text('{"type": "object"}')
    (tmp_path / "blob.bin").write_bytes(b"\x00\xff")
    return tmp_path


def read(suite: Path, text: str = TEXT, environment: Mapping[str, str] = ENVIRONMENT) -> WorkloadData:
    """The data of a document."""
    return read_data_files(parse_workload(text, "workload.yaml", suite), environment)


def test_everything_is_read_and_columns_without_a_use_are_left_out(suite: Path) -> None:
    """What no request sends is not stored with the bursts."""
    assert read(suite) == WorkloadData(
        variables=(
            Rows("user", ("email",), (("a@x",), ("b@x",)), "random"),
            Rows("product", ("id", "price"), ((1, 2.5), (2, None))),
            Rows("word", ("",), (("shoe",), ("hat",))),
            Uuid("order"),
            Counter("n", 5),
            RandomInt("size", 1, 10),
            Choice("color", ("red", 2)),
            Constant("region", ""),
            Constant("key", "s3cr3t-value", secret=True),
        ),
        bodies={"blob.bin": b"\x00\xff"},
        schemas={"search.schema.json": '{"type": "object"}'},
    )


def test_secret_values_are_listed_for_redaction(suite: Path) -> None:
    """No output may show them."""
    assert read(suite).secrets == ("s3cr3t-value",)


@pytest.mark.parametrize(
    ("file", "content", "place", "problem"),
    [
        ("users.csv", None, "2:15", "users.csv cannot be read: No such file"),
        ("users.csv", b"id\n\xff\n", "2:15", "users.csv:2: not UTF-8"),
        ("users.csv", b"id\n1\n", "16:27", "users.csv has no column 'email'"),
        ("products.json", b"[1, 2]", "14:21", "holds single values without columns"),
        ("words.json", b'[{"a": 1}]', "14:36", "words.json has columns"),
        ("blob.bin", b"x" * (8 * 2**20 + 1), "18:46", "more than 8 MiB"),
        ("search.schema.json", b"{", "17:22", "not JSON"),
        ("search.schema.json", b'{"type": "objet"}', "17:22", "the JSON schema is invalid at type"),
    ],
)
def test_an_unusable_file_is_reported_where_it_is_named(suite: Path, file: str, content: bytes | None, place: str, problem: str) -> None:
    """A missing column is reported at its placeholder."""
    (suite / file).unlink()
    if content is not None:
        (suite / file).write_bytes(content)

    with pytest.raises(SloError) as caught:
        read(suite)

    assert caught.value.message.startswith(f"workload.yaml:{place}: ")
    assert problem in caught.value.message


def test_a_malformed_row_is_reported_with_its_own_file_and_line(suite: Path) -> None:
    """The document is not at fault."""
    (suite / "users.csv").write_text("id,email\n1,a@x\n2\n")

    with pytest.raises(SloError, match=r"^users\.csv:3: 1 values for 2 columns"):
        read(suite)


def test_a_pipe_or_a_folder_is_no_file(suite: Path) -> None:
    """Reading a pipe would wait forever."""
    (suite / "blob.bin").unlink()
    os.mkfifo(suite / "blob.bin")

    with pytest.raises(SloError, match=r"blob\.bin is not a file"):
        read(suite)


def test_an_invalid_inline_schema_is_reported(suite: Path) -> None:
    """Before a burst, not after it."""
    with pytest.raises(SloError, match=r"^workload\.yaml:18:74: the JSON schema is invalid"):
        read(suite, TEXT.replace("type: object", "type: objet"))


@pytest.mark.parametrize(
    ("environment", "error", "place"),
    [
        ({"API_KEY": "x"}, SloError, "10:17"),
        ({"REGION": "x"}, SecretsMissing, "11:17"),
        ({"REGION": "x", "API_KEY": ""}, SecretsMissing, "11:17"),
    ],
)
def test_a_variable_that_is_not_set_is_reported(
    suite: Path, environment: Mapping[str, str], error: type[KindgateError], place: str
) -> None:
    """CI passes a secret that a run does not have as an empty text; such a run is skipped, as without any other secret."""
    with pytest.raises(error, match=f"workload.yaml:{place}: the environment variable (REGION|API_KEY) is not set"):
        read(suite, environment=environment)
