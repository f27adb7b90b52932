"""report.html: one self-contained page made only from a report, readable without JavaScript, in both themes, on a phone and on paper.

The page blocks everything it does not contain: its Content-Security-Policy names its own style and script by their
hashes, and nothing is loaded from any address.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import hashlib
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kindgate.report import units
from kindgate.report.answer_records import changed_rows
from kindgate.report.capacity_words import capacity_cells, capacity_columns, capacity_words
from kindgate.report.decision import Decision
from kindgate.report.headline import BEFORE, before_confirmation, failing_tests, headline, interval
from kindgate.report.key_figures import key_figures_of, scenarios
from kindgate.report.load_scope import load_scope
from kindgate.report.markdown_escape import visible
from kindgate.report.objective_records import WORST_FIRST, ThresholdOutcome
from kindgate.report.policy_sections import matrices
from kindgate.report.recomputation_notes import CONSISTENT, differences, sentences
from kindgate.report.run_report import RunReport
from kindgate.report.untrusted_text import UntrustedText, Words


def report_page(report: RunReport, decision: Decision | None = None) -> str:
    """The whole page as HTML; `decision` defaults to the one the report's content gives."""
    from kindgate.report.page_charts import page_charts_of  # noqa: PLC0415  # it imports matplotlib, which takes half a second
    from kindgate.report.scenario_sections import scenario_sections  # noqa: PLC0415

    environment = _environment()
    style, script = (_asset(environment, name) for name in ("report.css", "report.js"))
    charts = page_charts_of(report)
    top = headline(report, decision)
    return environment.get_template("report.html.j2").render(
        report=report,
        headline=top,
        verdict=top.verdict.partition(" ")[2],
        style=style,
        script=script,
        policy=_policy(style, script),
        overview=charts.overview,
        bursts=charts.bursts,
        workloads=charts.workloads,
        failing=failing_tests(report),
        key_figures=key_figures_of(report),
        scenarios=scenarios(report),
        played=scenario_sections(report),
        policies=matrices(report.policy),
        objectives=_worst_first(report),
        recomputation_sentences=sentences(report.recomputation) if report.recomputation else (),
        differences=differences(report.recomputation) if report.recomputation else (),
        consistent=CONSISTENT,
        before=BEFORE,
        changed_answers=changed_rows(report.answers),
        load_scope=load_scope(report),
        phases_from=min((phase.started for phase in report.phases), default=report.run.started),
        phases_until=max([report.run.started + report.run.seconds, *(phase.started + phase.seconds for phase in report.phases)]),
        phase_notes=any(phase.note for phase in report.phases),
    )


def summary_fragment(report: RunReport, address: str) -> str:
    """Verdict, cause and objectives as an HTML fragment for another tool's page, with a link to kindgate's page at `address`."""
    template = _environment().get_template("fragment.html.j2")
    return template.render(report=report, headline=headline(report), objectives=_worst_first(report), address=address)


def _worst_first(report: RunReport) -> list[ThresholdOutcome]:
    return sorted(report.objectives, key=lambda objective: WORST_FIRST.index(objective.verdict))


@functools.cache
def _environment() -> Environment:
    """The templates' environment, which keeps them compiled: compiling them takes longer than rendering most pages."""
    environment = Environment(
        loader=PackageLoader("kindgate.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_visible_text,
    )
    environment.filters.update(
        number=units.number,
        percent=units.percent,
        span=units.span,
        change=units.change,
        quantity=units.quantity,
        plural=units.plural,
        words=_words,
        interval=interval,
        before=before_confirmation,
        moment=_moment,
        drawing=Markup,
        capacity_words=capacity_words,
        capacity_columns=capacity_columns,
        capacity_cells=capacity_cells,
    )
    return environment


def _visible_text(value: Any) -> Any:  # noqa: ANN401  # whatever a template writes
    """Text with invisible characters escaped; ready-made markup stays unchanged."""
    return visible(value, keep="\n\t") if isinstance(value, str) and not isinstance(value, Markup) else value


def _words(words: Words) -> Markup:
    """A headline's sentence, with foreign words marked as code."""
    return Markup().join(
        Markup("<code>{}</code>").format(visible(word)) if isinstance(word, UntrustedText) else Markup("{}").format(word) for word in words
    )


def _moment(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _asset(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None  # noqa: S101  # _environment gives it one
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704  # a file of this package


def _policy(style: str, script: str) -> str:
    style_hash, script_hash = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script))
    return f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'; base-uri 'none'; form-action 'none'"
