"""The operations of an OpenAPI document (3.0, 3.1) or a Swagger 2.0 document, in one form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from kindgate.scaffold.workload_sources.references import Node, UnreadableReference
from kindgate.scaffold.workload_sources.source_positions import Pointer
from kindgate.scaffold.workload_sources.source_text import SourceText

METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")
"""The keys of a path that are operations."""

Place = Literal["path", "query", "header", "cookie", "form"]


@dataclass(frozen=True)
class Parameter:
    """A parameter: `schema` describes its value, `examples` are values that the document gives for it.

    `explode` is whether each element of a list is a query parameter of its own, otherwise `separator` joins them.
    """

    name: str
    place: Place
    required: bool
    schema: Node
    examples: tuple[Any, ...] = ()
    explode: bool = True
    separator: str = ","


@dataclass(frozen=True)
class BodyForm:
    """One media type of a request body."""

    media_type: str
    schema: Node
    examples: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Security:
    """Credentials that an operation requires: a scheme's name, and where its value is sent (`basic` and `bearer`: Authorization)."""

    scheme: str
    place: Literal["header", "query", "cookie", "basic", "bearer", "unknown"]
    name: str = ""


@dataclass(frozen=True)
class Operation:
    """An operation; `path` includes the path of the server's address. `statuses` are the documented ones below 400."""

    name: str
    method: str
    path: str
    parameters: tuple[Parameter, ...]
    bodies: tuple[BodyForm, ...]
    security: tuple[Security, ...]
    statuses: tuple[int, ...]
    tag: str
    deprecated: bool
    pointer: Pointer


def version_of(source: SourceText, root: Node) -> str:
    """The document's version, such as `3.1.0`; raises `SloError` for a document that is not OpenAPI, or has an unknown version."""
    if not isinstance(root.value, Mapping):
        raise source.error("an OpenAPI document is a mapping with the keys openapi, info and paths", ())
    version = str(root.value.get("openapi") or root.value.get("swagger") or "")
    if not version:
        raise source.error("neither `openapi` nor `swagger` names a version", (), next_step="name an OpenAPI document")
    key = "openapi" if root.value.get("openapi") else "swagger"
    if not version.startswith(("3.0", "3.1", "2.0")):
        raise source.error(f"version {version!r} is not supported", (key,), next_step="convert the document to OpenAPI 3.0 or 3.1")
    if not isinstance(root.value.get("paths"), Mapping):
        raise source.error("`paths` is missing or not a mapping", ("paths",), next_step="name a document that describes paths")
    return version


def operations(root: Node, version: str) -> Iterator[Operation | tuple[str, UnreadableReference]]:
    """Every operation in the document's order; for one that cannot be read, its method and path with the reason."""
    is_swagger = version.startswith("2")
    for path, item in root.get("paths").items():
        if path.startswith("x-"):
            continue
        try:
            methods = [(method, node) for method, node in item.items() if method in METHODS]
        except UnreadableReference as error:
            yield path, error
            continue
        for method, node in methods:
            try:
                yield _operation(root, item, method, path, node, is_swagger=is_swagger)
            except UnreadableReference as error:
                yield f"{method.upper()} {path}", error


def _operation(root: Node, item: Node, method: str, path: str, node: Node, *, is_swagger: bool) -> Operation:
    parameters = _parameters(item, node)
    if is_swagger:
        bodies = tuple(_swagger_bodies(root, node, parameters))
        prefix = _text(root.get("basePath"))
    else:
        bodies = tuple(_body(media_type, form) for media_type, form in node.get("requestBody", "content").items())
        prefix = _server_path(item, node, root)
    return Operation(
        name=_text(node.get("operationId")),
        method=method.upper(),
        path=prefix.rstrip("/") + "/" + path.lstrip("/"),
        parameters=tuple(_parameter(one, is_swagger=is_swagger) for one in parameters if _text(one.get("in")) not in {"body", "formData"}),
        bodies=bodies,
        security=_security(root, node, is_swagger=is_swagger),
        statuses=tuple(int(code) for code, _ in node.get("responses").items() if code.isdigit() and 200 <= int(code) < 400),
        tag=_text(node.get("tags", 0)),
        deprecated=node.get("deprecated").value is True,
        pointer=node.pointer,
    )


def _server_path(item: Node, node: Node, root: Node) -> str:
    """The path of the first server's address, with its variables' defaults."""
    for holder in (node, item, root):
        server = holder.get("servers", 0)
        address = _text(server.get("url"))
        if address:
            for name, variable in server.get("variables").items():
                address = address.replace(f"{{{name}}}", _text(variable.get("default")))
            return urlsplit(address).path
    return ""


def _parameters(item: Node, node: Node) -> list[Node]:
    """The operation's parameters, and those of its path that it does not replace."""
    found: dict[tuple[str, str], Node] = {}
    for holder in (item, node):
        for element in holder.get("parameters").elements():
            parameter = element.resolved()
            found[_text(parameter.get("name")), _text(parameter.get("in"))] = parameter
    return list(found.values())


def _parameter(node: Node, *, is_swagger: bool) -> Parameter:
    places: Mapping[str, Place] = {"path": "path", "header": "header", "cookie": "cookie", "formData": "form"}
    place = places.get(_text(node.get("in")), "query")
    content = next((form for _, form in node.get("content").items()), None)
    schema = node if is_swagger else content.get("schema") if content is not None else node.get("schema")
    style = _text(node.get("collectionFormat" if is_swagger else "style"))
    separators = {"ssv": " ", "tsv": "\t", "pipes": "|", "spaceDelimited": " ", "pipeDelimited": "|"}
    stated = node.get("explode").value
    explode = style == "multi" if is_swagger else stated is True or (stated is None and style in {"", "form"})
    return Parameter(
        name=_text(node.get("name")),
        place=place,
        required=place == "path" or node.get("required").value is True,
        schema=schema,
        examples=_examples(node),
        explode=explode,
        separator=separators.get(style, ","),
    )


def _body(media_type: str, form: Node) -> BodyForm:
    return BodyForm(media_type, form.get("schema"), _examples(form))


def _swagger_bodies(root: Node, node: Node, parameters: list[Node]) -> Iterator[BodyForm]:
    """The body of a Swagger 2.0 operation: the parameter in `body`, or the fields in `formData`."""
    consumes = [_text(one) for one in (*node.get("consumes").elements(), *root.get("consumes").elements())] or ["application/json"]
    body = next((one for one in parameters if _text(one.get("in")) == "body"), None)
    fields = [one for one in parameters if _text(one.get("in")) == "formData"]
    if body is not None:
        for media_type in consumes:
            yield BodyForm(media_type, body.get("schema"), _examples(body))
    elif fields:
        has_file = any(_text(one.get("type")) == "file" for one in fields)
        media_type = (
            "multipart/form-data" if has_file else next((one for one in consumes if "form" in one), "application/x-www-form-urlencoded")
        )
        schema = {
            "type": "object",
            "required": [_text(one.get("name")) for one in fields if one.get("required").value is True],
            "properties": {_text(one.get("name")): one.value for one in fields},
        }
        yield BodyForm(media_type, replace(node, value=schema))


def _examples(node: Node) -> tuple[Any, ...]:
    """The values of `example`, `examples` and their predecessor `x-example`."""
    found = [node.get(key).value for key in ("example", "x-example")]
    found += [example.get("value").value for _, example in node.get("examples").items()]
    return tuple(value for value in found if value is not None)


def _security(root: Node, node: Node, *, is_swagger: bool) -> tuple[Security, ...]:
    """The schemes of the first alternative; none if an alternative without credentials exists."""
    holder = node if isinstance(node.value, Mapping) and "security" in node.value else root
    alternatives = [dict(one.items()) for one in holder.get("security").elements()]
    if not alternatives or {} in alternatives:
        return ()
    schemes = root.get("securityDefinitions") if is_swagger else root.get("components", "securitySchemes")
    return tuple(_scheme(name, schemes.get(name)) for name in alternatives[0])


def _scheme(name: str, node: Node) -> Security:
    kind, place = _text(node.get("type")).lower(), _text(node.get("in"))
    if kind == "apikey" and place in {"header", "query", "cookie"}:
        return Security(name, place, _text(node.get("name")))  # type: ignore[arg-type]  # checked in the line above
    scheme = _text(node.get("scheme")).lower()
    if kind == "basic" or (kind == "http" and scheme == "basic"):
        return Security(name, "basic", "Authorization")
    if kind in {"oauth2", "openidconnect"} or (kind == "http" and scheme == "bearer"):
        return Security(name, "bearer", "Authorization")
    return Security(name, "unknown")


def _text(node: Node) -> str:
    return node.value if isinstance(node.value, str) else ""
