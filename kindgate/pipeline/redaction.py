"""Redact reports: remove the secrets known to the run before anything is generated from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kindgate.pipeline.provisioner import Pipeline
from kindgate.pipeline.run_secrets import RunSecrets, sources_of_pipeline
from kindgate.redaction.redactor import Redactor
from kindgate.redaction.secret_names import MASK, is_secret_name
from kindgate.report.frozen_record import LINE_LIMIT
from kindgate.report.markdown_escape import shortened
from kindgate.report.measurements import HISTOGRAMS
from kindgate.report.run_report import RunReport

_HISTOGRAMS = HISTOGRAMS | {"cap_wait"}
"""Text fields with encoded times: most of a report, and never written by a person or a server."""


def redactor_of(pipeline: Pipeline | None, environment: Mapping[str, str]) -> Redactor:
    """A redactor of secret environment variables and of the run's Secrets and kubeconfig, as far as they are known."""
    return RunSecrets(environment).redactor(sources_of_pipeline(pipeline))


def redacted(report: RunReport, redactor: Redactor) -> RunReport:
    """The report with secrets masked in all texts; a mask longer than the original text is truncated.

    Encoded histograms stay unchanged: they hold only numbers, and one changed character would be another measurement.
    """
    document = report.model_dump(mode="json")
    texts = "\n".join(dict.fromkeys(_texts(document)))
    if redactor.text(texts) == texts:
        return report

    def clean(text: str) -> str:
        masked = redactor.text(text)
        return text if masked == text else shortened(masked, len(text))

    return RunReport.model_validate_json(json.dumps(_mapped(document, clean)))


def redacted_burst(document: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - a JSON document
    """A burst's JSON without secrets; histograms are kept, and headers with a secret's name lose their values."""
    if isinstance(document, dict):
        return {key: value if _is_histogram(key, value) else redacted_burst(value, redactor) for key, value in document.items()}
    if isinstance(document, list):
        if len(document) == 2 and all(isinstance(part, str) for part in document) and is_secret_name(document[0]):
            return [document[0], MASK]
        return [redacted_burst(item, redactor) for item in document]
    return redactor.text(document) if isinstance(document, str) else document


def unredacted_note(redactor: Redactor) -> tuple[str, ...]:
    """A line about known secrets that are not redacted; empty if all are."""
    if not redactor.unmaskable:
        return ()
    note = f"not redacted because shorter than 5 characters or a common word: {', '.join(redactor.unmaskable)}"
    return (shortened(note, LINE_LIMIT),)


def _is_histogram(key: str, value: object) -> bool:
    return key in _HISTOGRAMS and isinstance(value, str)


def _texts(node: Any) -> Iterator[str]:  # noqa: ANN401 - any part of a JSON document
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for key, value in node.items():
            if not _is_histogram(key, value):
                yield from _texts(value)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item)


def _mapped(node: Any, clean: Callable[[str], str]) -> Any:  # noqa: ANN401 - any part of a JSON document
    """A copy with every string passed through `clean`."""
    if isinstance(node, str):
        return clean(node)
    if isinstance(node, dict):
        return {key: value if _is_histogram(key, value) else _mapped(value, clean) for key, value in node.items()}
    if isinstance(node, list):
        return [_mapped(item, clean) for item in node]
    return node
