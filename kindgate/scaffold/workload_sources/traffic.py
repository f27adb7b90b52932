"""Group requests that were really sent into routes: counts, and the rows of values that were seen together."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qsl, quote, unquote

from kindgate.scaffold.workload_sources.naming import Names, identifier
from kindgate.scaffold.workload_sources.path_shapes import PathShape, Variable, shape_of, variable_name
from kindgate.scaffold.workload_sources.privacy import private_reason

DATA_FOLDER = "workload-data"
"""Folder of the data files, next to the workload."""

MAX_SHAPES = 20_000
"""Maximum number of different routes before they are merged; more are counted, not kept."""

MAX_ROWS = 500
"""Maximum number of different rows per route; more repeat what these show."""

_WORDS = 12
"""If a segment has more different words than this where everything else is equal, the words are values."""

_SHARE = 0.5
"""Minimum share of a route's requests that have a query parameter for the route to have it."""

_PATH_CHARACTERS = "/%:@!$&'()*+,;=~"

Row: TypeAlias = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""Values of the path's variables, and the query's names and values."""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A CSV file with a header line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


@dataclass
class Group:
    """Requests of one method and shape. `rows` maps what they differed in to the clients that sent it, two at most."""

    method: str
    shape: PathShape
    count: int = 0
    rows: dict[Row, set[str]] = field(default_factory=dict)
    row_counts: Counter[Row] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class TrafficRoute:
    """A route as it was seen: a path with placeholders for `columns`, and `rows` of values for them, the most frequent first.

    `clients` is the number of clients that sent it, two if more. `left_out` names query parameters with the reason why the
    path does not have them.
    """

    method: str
    shape: PathShape
    count: int
    query: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    clients: int = 0
    left_out: tuple[tuple[str, str], ...] = ()

    def path(self, data: str, known: Mapping[int, str] = MappingProxyType({})) -> str:
        """The path and query of a workload; `data` is the name of the rows, `known` replaces variables of the path by position."""
        names = iter(self.columns)
        position = 0
        parts = []
        for one in self.shape.segments:
            if isinstance(one, str):
                parts.append(quote(one, safe=_PATH_CHARACTERS))
            else:
                own = f"{{{data}.{next(names)}}}"
                parts.append(known.get(position, own) + one.ending)
                position += 1
        pairs = [f"{quote(key, safe='[]')}={value or f'{{{data}.{next(names)}}}'}" for key, value in self.query]
        return "/" + "/".join(parts) + ("?" + "&".join(pairs) if pairs else "")

    def needs_rows(self, known: Mapping[int, str]) -> bool:
        """Whether the path has variables besides those in `known`."""
        return len(self.columns) > len(known)


class Traffic:
    """Collects requests within bounded memory.

    If they come from several clients, a text is written only if two of them sent it: one that a single client sent may be
    about a person. Numbers and ids are written in any case.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[str, PathShape], Group] = {}
        self._clients: set[str] = set()
        self.overflow = 0
        """Requests whose shape was not kept because there were too many."""

    def add(self, method: str, target: str, client: str = "") -> tuple[str, PathShape]:
        """Add a request for `target`, a path with an optional query, and return its group; raises `PrivatePath`."""
        path, _, query = target.partition("#")[0].partition("?")
        shape, values = shape_of(path)
        key = (method, shape)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MAX_SHAPES:
                self.overflow += 1
                return key
            group = self._groups[key] = Group(method, shape)
        if len(self._clients) < 2 and client:
            self._clients.add(client)
        pairs = tuple(dict(parse_qsl(query, keep_blank_values=False)).items())
        group.count += 1
        group.keys.update(name for name, _ in pairs)
        row: Row = (values, pairs)
        if row in group.rows or len(group.rows) < MAX_ROWS * 4:
            clients = group.rows.setdefault(row, set())
            if len(clients) < 2:
                clients.add(client)
            group.row_counts[row] += 1
        return key

    @property
    def has_several_clients(self) -> bool:
        """Whether the requests come from more than one client."""
        return len(self._clients) > 1

    def routes(self, *, merge_words: bool = True) -> tuple[TrafficRoute, ...]:
        """The routes, the most frequent first; without `merge_words`, no text of a path becomes a variable."""
        groups = sorted(
            _merged(self._groups) if merge_words else self._groups.values(),
            key=lambda group: (-group.count, group.shape.text, group.method),
        )
        return tuple(_route(group, anonymous=self.has_several_clients) for group in groups)


def _merged(groups: Mapping[tuple[str, PathShape], Group]) -> list[Group]:
    """Groups whose shapes differ only in one segment with many words become one, with a variable in its place."""
    merged = dict(groups)
    for position in range(max((len(shape.segments) for _, shape in groups), default=0)):
        buckets: dict[tuple[str, tuple[object, ...]], list[Group]] = {}
        for (method, shape), group in merged.items():
            if position < len(shape.segments) and isinstance(shape.segments[position], str):
                rest = (*shape.segments[:position], None, *shape.segments[position + 1 :])
                buckets.setdefault((method, rest), []).append(group)
        for bucket in buckets.values():
            if len(bucket) > _WORDS:
                for group in bucket:
                    del merged[group.method, group.shape]
                joined = _joined(bucket, position)
                merged[joined.method, joined.shape] = joined
    return list(merged.values())


def _joined(bucket: Sequence[Group], position: int) -> Group:
    """One group whose segment at `position` is a variable."""
    segments = bucket[0].shape.segments
    variable = Variable(variable_name("name", segments[:position]), is_word=True)
    index = sum(isinstance(one, Variable) for one in segments[:position])
    result = Group(bucket[0].method, PathShape((*segments[:position], variable, *segments[position + 1 :])))
    for group in bucket:
        word = unquote(str(group.shape.segments[position]))
        result.count += group.count
        result.keys.update(group.keys)
        for (values, pairs), clients in group.rows.items():
            row: Row = ((*values[:index], word, *values[index:]), pairs)
            result.rows[row] = clients
            result.row_counts[row] = group.row_counts[values, pairs]
    return result


def _route(group: Group, *, anonymous: bool) -> TrafficRoute:
    left_out: dict[str, str] = {}
    keys: list[str] = []
    for key, count in group.keys.items():
        reason = _refusal(group, key, count, anonymous=anonymous)
        if reason:
            left_out[key] = reason
        else:
            keys.append(key)
    rows = list(_rows(group, keys, anonymous=anonymous))
    constants = {key: values[0] for key, values in _columns(rows, keys) if len(values) == 1}
    variables = [one.name for one in group.shape.variables]
    names = [*variables, *(key for key in keys if key not in constants)]
    width = len(variables)
    kept = [(*row[:width], *(value for key, value in zip(keys, row[width:], strict=True) if key not in constants)) for row in rows]
    return TrafficRoute(
        method=group.method,
        shape=group.shape,
        count=group.count,
        query=tuple((key, quote(constants[key], safe="") if key in constants else "") for key in keys),
        columns=_column_names(names),
        rows=tuple(dict.fromkeys(kept))[:MAX_ROWS] if names else (),
        clients=min(2, len(set().union(*group.rows.values()))),
        left_out=tuple(left_out.items()),
    )


def _refusal(group: Group, key: str, count: int, *, anonymous: bool) -> str:
    """Why a query parameter is left out; empty if it is kept."""
    if count < group.count * _SHARE:
        return "in fewer than half of the requests"
    private = private_reason("", key, recorded=True)
    if private:
        return "its name is private"
    usable = [row for row in group.rows if _usable(dict(row[1]).get(key, ""), key, group.rows[row], anonymous=anonymous)]
    if not usable:
        values = [dict(pairs).get(key, "") for _, pairs in group.rows]
        reason = next((one for value in values if value and (one := private_reason(key, value, recorded=True))), "")
        return reason or "no value was sent by two clients"
    return ""


def _usable(value: str, key: str, clients: set[str], *, anonymous: bool) -> bool:
    """Whether a query's value may be written: text that only one client sent may be about a person."""
    if not value or private_reason(key, value, recorded=True):
        return False
    is_plain = value.lstrip("-").isdigit() or len(value) == 1 or value in {"true", "false", "asc", "desc"}
    return is_plain or not anonymous or len(clients) > 1


def _rows(group: Group, keys: Sequence[str], *, anonymous: bool) -> Iterator[tuple[str, ...]]:
    """The rows that may be written, the most frequent first."""
    for row, _ in group.row_counts.most_common():
        values, pairs = row
        query = dict(pairs)
        clients = group.rows[row]
        words = [value for value, one in zip(values, group.shape.variables, strict=True) if one.is_word]
        texts = [*((key, query.get(key, "")) for key in keys), *(("", word) for word in words)]
        is_printable = all(text.isprintable() for text in (*values, *(text for _, text in texts)))
        if is_printable and all(_usable(text, key, clients, anonymous=anonymous) for key, text in texts):
            yield (*values, *(query[key] for key in keys))


def _columns(rows: Sequence[tuple[str, ...]], keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """The different values of each query parameter."""
    for index, key in enumerate(keys):
        offset = index - len(keys)
        yield key, list(dict.fromkeys(row[offset] for row in rows))


def _column_names(names: Sequence[str]) -> tuple[str, ...]:
    unique = Names()
    return tuple(unique.unique(identifier(name)) for name in names)
