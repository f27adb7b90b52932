"""The last steps of every import: nothing private is left, and only what changes nothing is active."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

from kindgate.errors import SettingsError, SloError
from kindgate.load.variables import RUN
from kindgate.redaction.personal_data import personal_format
from kindgate.redaction.secret_names import MASK
from kindgate.redaction.secret_patterns import without_patterns
from kindgate.scaffold.workload_sources.activation import (
    active_part,
    all_requests,
    inactive_entries,
    json_keys,
    json_texts,
    placeholder_names,
    request_texts,
    unused_data,
)
from kindgate.scaffold.workload_sources.imported import DropList, Dropped, Imported
from kindgate.scaffold.workload_sources.selection import Selection
from kindgate.workload.document import parse_workload
from kindgate.workload.model import DataSource, FormBody, JsonBody, RandomChoice, RandomUuid, Workload, WorkloadRoute
from kindgate.workload.placeholders import split_text
from kindgate.workload.writer import workload_yaml

_NEUTRAL = ("user@example.com", "192.0.2.1", "2001:db8::1", "+15555550100")
_HARMLESS = re.compile("|".join(re.escape(form) for text in _NEUTRAL for form in (text, quote(text, safe=""))))
"""Neutral values of this package, which look personal."""


_SHOWN = 10
"""Maximum number of reasons in an error."""

_LONGEST = 300
"""Maximum characters of what was dropped, and of a reason."""

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""Characters that could move the cursor, or end a comment."""


def finished(imported: Imported, selection: Selection) -> Imported:
    """The import without whatever still looks private, with `disabled` filled in.

    Raises `SettingsError` if nothing would be sent.
    """
    clean = _without_refused(_without_private(imported))
    inactive: frozenset[tuple[str, str]] = frozenset() if selection.unsafe else inactive_entries(clean.workload)
    active = active_part(clean.workload, inactive)
    if not any(weight for _, weight in active.weights):
        dropped = "\n".join(f"{one.what}: {one.reason} ({one.count})" for one in clean.dropped[:_SHOWN])
        if not clean.workload.routes and not clean.workload.journeys:
            raise SettingsError("none of the requests can be in a workload", last_state=dropped)
        raise SettingsError(
            "every request may change data: none of them is a GET or HEAD request that could be sent alone",
            last_state=dropped,
            next_step="add --unsafe if the application may be changed by its load",
        )
    in_journeys = {step.route for one in active.journeys for step in one.steps if isinstance(step.route, str)}
    routes = tuple(replace(one, weight=0) if one.name in in_journeys else one for one in clean.workload.routes)
    clean = replace(clean, workload=replace(clean.workload, routes=routes))
    steps = max((len(one.steps) for one in active.journeys), default=0)
    notes = (*clean.notes, f"the load counts journeys, and one sends up to {steps} requests") if steps else clean.notes
    return replace(clean, disabled=inactive | unused_data(clean.workload, active), notes=notes)


def _without_private(imported: Imported) -> Imported:
    """A second, independent look at every text that would be written or shown, whichever source it came from."""
    drops = DropList()
    drops.extend(Dropped(_masked(one.what), _masked(one.reason), one.count) for one in imported.dropped)
    workload = imported.workload
    private = {one.name for one in all_requests(workload) if any(_is_private(text) for text in _texts(one))}
    private |= _journeys_with(workload, private)
    for _ in private:
        drops.add("a request or journey", "a part of it looks like a secret or personal data")
    kept = replace(_without(workload, private), data=tuple(_clean_data(one) for one in workload.data))
    files = {name: _clean_rows(text) for name, text in imported.files.items()}
    return replace(
        imported,
        workload=kept,
        files=files,
        dropped=drops.result(),
        notes=tuple(MASK if _is_private(one) else _CONTROLS.sub(" ", one) for one in imported.notes),
        thresholds=tuple(one for one in imported.thresholds if not _is_private(one[0])),
    )


def _without_refused(imported: Imported) -> Imported:
    """The import without requests that a workload document would not accept, such as a header with a line break."""
    drops = DropList()
    drops.extend(imported.dropped)
    refused: dict[str, str] = {}
    for request in all_requests(imported.workload):
        needed = placeholder_names(request)
        known = tuple(one for one in imported.workload.data if one.name in needed)
        extracted = needed - {one.name for one in known} - {RUN}
        alone = Workload((replace(request, weight=1, extract=()),), data=(*known, *map(RandomUuid, extracted)))
        try:
            parse_workload(workload_yaml(alone))
        except SloError as error:
            refused[request.name] = error.message.partition(": ")[2]
            drops.add(_masked(f"{request.method} {request.path.partition('?')[0]}"), _masked(refused[request.name]))
    gone = set(refused) | _journeys_with(imported.workload, set(refused))
    return replace(imported, workload=_without(imported.workload, gone), dropped=drops.result())


def _journeys_with(workload: Workload, names: set[str]) -> set[str]:
    """The journeys with one of these requests."""
    steps = ((one.name, step.route) for one in workload.journeys for step in one.steps)
    return {journey for journey, route in steps if (route if isinstance(route, str) else route.name) in names}


def _without(workload: Workload, names: set[str]) -> Workload:
    return replace(
        workload,
        routes=tuple(one for one in workload.routes if one.name not in names),
        journeys=tuple(one for one in workload.journeys if one.name not in names),
        setup=tuple(one for one in workload.setup if one.name not in names),
        teardown=tuple(one for one in workload.teardown if one.name not in names),
    )


def _texts(request: WorkloadRoute) -> Iterator[str]:
    """Every text of a request that is written."""
    yield request.name
    yield from request_texts(request)
    yield from (f"{name}: {value}" if name.lower() != "cookie" else value for name, value in request.headers)
    yield from (part for pair in request.tags for part in pair)
    yield from (one.expression for one in request.extract)
    match request.body:
        case FormBody(fields):
            yield from (name for name, _ in fields)
        case JsonBody(value):
            yield from json_keys(value)
    expect = request.expect
    yield expect.contains
    yield from (text for path, value in expect.json for text in (path, *json_texts(value)))


def _is_private(text: str) -> bool:
    bare = _HARMLESS.sub("", "".join(part for part in split_text(text) if isinstance(part, str)))
    return without_patterns(bare) != bare or bool(personal_format(bare))


def _masked(text: str) -> str:
    """A text of the source for the terminal and for comments: masked if it is private, on one line, and not long."""
    if _is_private(text):
        return MASK
    line = _CONTROLS.sub(" ", text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _clean_data(source: DataSource) -> DataSource:
    if not isinstance(source, RandomChoice):
        return source
    values = tuple(one for one in source.values if not _is_private(str(one)))
    return replace(source, values=values or ("text",))


def _clean_rows(text: str) -> str:
    """A CSV file without the rows that look private."""
    rows = [row for row in csv.reader(io.StringIO(text)) if not any(_is_private(cell) for cell in row)]
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerows(rows)
    return output.getvalue()


def active_workload(imported: Imported) -> Workload:
    """The part of the import that is sent."""
    return active_part(imported.workload, imported.disabled)
