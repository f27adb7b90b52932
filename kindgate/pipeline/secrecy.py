"""What must not be written anywhere: the secrets that a run knows, taken out of reports before anything is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from kindgate.diagnostics.redact import Redactor, environment_secrets, kubeconfig_secrets, secret_values
from kindgate.pipeline.session import Pipeline
from kindgate.report.measurements import HISTOGRAMS
from kindgate.report.record import shortened
from kindgate.report.run import RunReport


def redactor_of(pipeline: Pipeline | None, environment: Mapping[str, str]) -> Redactor:
    """A redactor of secret-named variables and, as far as the run has come, of its Secrets and of its kubeconfig."""
    known = [*environment_secrets(environment)]
    prepared = pipeline.prepared if pipeline is not None else None
    if prepared is not None:
        for _, rendered in prepared.parts:
            known += secret_values(rendered.objects)
    address = pipeline.address if pipeline is not None else None
    if address is not None and address.kubeconfig.is_file():
        known += kubeconfig_secrets(yaml.safe_load(address.kubeconfig.read_text()) or {})
    return Redactor(known)


def redacted(report: RunReport, redactor: Redactor) -> RunReport:
    """The report without secrets in any of its texts; a mask that is longer than what it hides is cut to fit.

    Encoded histograms stay as they are: they hold numbers only, and one changed character would be another measurement.
    """
    return RunReport.model_validate_json(json.dumps(_masked(report.model_dump(mode="json"), redactor)))


def _masked(node: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any part of a JSON document
    if isinstance(node, str):
        text = redactor.text(node)
        return node if text == node else shortened(text, len(node))
    if isinstance(node, dict):
        return {key: value if key in HISTOGRAMS and isinstance(value, str) else _masked(value, redactor) for key, value in node.items()}
    if isinstance(node, list):
        return [_masked(item, redactor) for item in node]
    return node
