"""The JSON schema of `report.json`: `python -m kindgate.report.schema > docs/report.schema.json` writes it."""

from __future__ import annotations

import json
import sys

from kindgate.report.run_report import RunReport


def schema_text() -> str:
    """The schema as in `docs/report.schema.json`."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | RunReport.model_json_schema()
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
