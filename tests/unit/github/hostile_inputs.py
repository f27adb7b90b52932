"""Inputs that an attacker could upload to keep the reader busy for hours. As a program, measure one of them."""

from __future__ import annotations

import io
import json
import os
import sys
import time
import zipfile
from collections.abc import Callable
from typing import Any

from kindgate.errors import KindgateError
from kindgate.github.artifact import parse_report, read_report
from kindgate.slo.slo_file import parse_document

HEAD = '"run":{"id":"1","started":1.0,"seconds":1.0},"outcome":"passed","exit_code":0'
FIGURES = '{"count":1,"failed":0,"success_rate":1.0,"rate":1.0,"avg":1,"p50":1,"p90":1,"p95":1,"p99":1,"max":1}'
TEST = '{"node_id":"t","outcome":"passed","seconds":1.0}'
PLAN = '{"rate":1.0,"seconds":1.0,"arrival":"x","seed":1,"timeout":1.0,"routes":[]}'


def report(*more: str) -> bytes:
    """Build a report with extra fields."""
    return ("{" + ",".join((HEAD, *more)) + "}").encode()


def listed(name: str, item: str, times: int) -> bytes:
    """Build a report with a list of equal items."""
    return report(f'"{name}":[{",".join([item] * times)}]')


def burst(**fields: str) -> str:
    """Build a burst with some fields replaced."""
    known = {"name": '"b"', "started": "1.0", "seconds": "1.0", "plan": PLAN, "overall": FIGURES} | fields
    return "{" + ",".join(f'"{name}":{value}' for name, value in known.items()) + "}"


def keys(count: int) -> str:
    """Build an object with many keys."""
    return "{" + ",".join(f'"k{number}":1' for number in range(count)) + "}"


def packed(*members: tuple[str, bytes]) -> bytes:
    """Build a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def bomb() -> bytes:
    """Build a 400 kB archive with a single member of 400 MB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("report.json", "w") as member:
        for _ in range(400):
            member.write(b" " * 1_000_000)
    return buffer.getvalue()


REPORTS: dict[str, Callable[[], bytes]] = {
    "a million empty tests": lambda: listed("tests", "{}", 1_000_000),
    "fewer empty tests than are counted": lambda: listed("tests", "{}", 240_000),
    "more tests than a report has": lambda: listed("tests", TEST, 60_000),
    "a wrong test at the end of many": lambda: listed("tests", TEST, 19_999)[:-2] + b",{}]}",
    "tests with wrong fields": lambda: listed("tests", '{"a":1,"b":2,"c":3}', 200_000),
    "tests with many fields": lambda: listed("tests", keys(150), 8_000),
    "a million notes": lambda: listed("notes", "0", 1_400_000),
    "notes that are no texts": lambda: listed("notes", "[]", 240_000),
    "three hundred thousand fields": lambda: keys(300_000).encode(),
    "a table of many versions": lambda: report(f'"environment":{{"versions":{keys(300_000)}}}'),
    "a list of lists": lambda: b"[" * 3_000_000,
    "an object in an object": lambda: b'{"a":' * 600_000,
    "a deep field": lambda: report(f'"environment":{"[" * 1000}{"]" * 1000}'),
    "one endless number": lambda: b"9" * 3_000_000,
    "an endless number in a field": lambda: report(f'"deselected":{"9" * 3_000_000}'),
    "an endless text": lambda: report(f'"notes":["{"x" * 3_000_000}"]'),
    "a text that nothing closes": lambda: b'{"' + b'\\"' * 1_500_000 + b"\\",
    "escapes alone": lambda: report('"notes":["' + "\\u0000" * 500_000 + '"]'),
    "a key twice": lambda: report('"exit_code":1'),
    "a key of a part twice": lambda: listed("tests", '{"node_id":"t","node_id":"u","outcome":"passed","seconds":1.0}', 1),
    "a burst with endless routes": lambda: listed("bursts", burst(routes=f"[{','.join(['{}'] * 200_000)}]"), 1),
    "a burst with an endless chart": lambda: listed("bursts", burst(timeline=f'{{"sent":[{",".join(["1"] * 1_000_000)}]}}'), 1),
    "bursts without end": lambda: listed("bursts", burst(), 30_000),
    "an endless name of a field": lambda: report('"' + "k" * 3_000_000 + '":1'),
    "bytes that are no text": lambda: b'{"run":"' + b"\xff" * 3_000_000 + b'"}',
    "sixteen megabytes of spaces": lambda: b"{" + b" " * 16_000_000 + b"}",
}
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a zip bomb": bomb,
    "a member for each second": lambda: packed(*((f"{number}.json", b"") for number in range(40_000))),
}
DOCUMENTS: dict[str, Callable[[], bytes]] = {
    "aliases": lambda: b"a: &a [p(95)<1" + b",p(95)<1" * 300 + b"]\nthresholds:\n" + b"".join(b"  m%d: *a\n" % n for n in range(400)),
    "aliases of aliases": lambda: (
        b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12))
    ),
    "thresholds without end": lambda: b"thresholds: {http_req_duration: [" + b",".join([b"p(95)<1"] * 4000) + b"]}",
    "a deep list": lambda: b"thresholds: " + b"[" * 60_000,
    "keys without end": lambda: b"".join(b"? k%d\n" % n for n in range(8000)),
    "a megabyte": lambda: b"thresholds: {http_req_duration: ['p(95)<" + b"1" * 1_000_000 + b"']}",
    "an endless expression": lambda: b"thresholds: {http_req_duration: ['p(95)" + b"<" * 60_000 + b"']}",
    "endless spaces in an expression": lambda: b"thresholds: {http_req_duration: ['p(95)" + b" " * 60_000 + b"x']}",
    "an endless selector": lambda: b"thresholds: {'http_req_duration{" + b"a:b," * 15_000 + b"': ['p(95)<1']}",
    "an endless number in a document": lambda: b"thresholds: {http_req_duration: [p(95)<1]}\nbursts: {rate: " + b"9" * 60_000 + b"e}",
}

Read = Callable[[bytes], object]
CASES: dict[str, tuple[Callable[[], bytes], Read]] = {
    **{name: (create, lambda data: parse_report(data, "leg")) for name, create in REPORTS.items()},
    **{name: (create, lambda data: read_report(data, "leg")) for name, create in ARCHIVES.items()},
    **{name: (create, lambda data: parse_document(data.decode())) for name, create in DOCUMENTS.items()},
}


def outcome(data: bytes, read: Read) -> dict[str, Any]:
    """Return the result of reading, with CPU time in seconds."""
    begun = time.process_time()
    try:
        read(data)
    except KindgateError as error:
        return {"refused": True, "message_length": len(str(error)), "seconds": time.process_time() - begun}
    return {"refused": False}


def measured(data: bytes, read: Read) -> dict[str, Any]:
    """Return `outcome` as measured in a separate process, with peak memory in megabytes, including the input and all modules."""
    source, sink = os.pipe()
    number = os.fork()
    if not number:
        os.write(sink, json.dumps(outcome(data, read)).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as stream:
        output = stream.read()
    _, _, usage = os.wait4(number, 0)
    return {**json.loads(output or b"{}"), "megabytes": usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)}


if __name__ == "__main__":
    print(json.dumps({name: measured(create(), read) for name, (create, read) in CASES.items()}))  # noqa: T201 - the answer
