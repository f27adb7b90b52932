"""The modules that a k6 script imports, and the functions that its calls mean."""

from __future__ import annotations

from tree_sitter import Node

from kindgate.scaffold.workload_sources.javascript import field, named, text_of

_UNSUPPORTED = {
    "k6/ws": "WebSockets",
    "k6/websockets": "WebSockets",
    "k6/experimental/websockets": "WebSockets",
    "k6/net/grpc": "gRPC",
    "k6/browser": "a browser",
    "k6/experimental/browser": "a browser",
}

_UTILITIES = "https://jslib.k6.io/k6-utils/"


class Modules:
    """Names that imports bind, with the module and function behind each."""

    def __init__(self) -> None:
        self._bound: dict[str, str] = {}

    def add(self, node: Node) -> str:
        """Add an import statement; returns why its module cannot be in a workload (empty: nothing speaks against it)."""
        source = text_of(field(node, "source")).strip("'\"")
        clause = next((child for child in named(node) if child.type == "import_clause"), None)
        for child in named(clause):
            if child.type == "identifier":
                self._bound[text_of(child)] = source
            elif child.type == "namespace_import":
                self._bound[text_of(next(named(child), None))] = source
            elif child.type == "named_imports":
                for one in named(child):
                    name = text_of(field(one, "name"))
                    self._bound[text_of(field(one, "alias")) or name] = f"{source}#{name}"
        if source.startswith((".", "/")):
            return f"{source}: other files are not read"
        return f"{source}: {_UNSUPPORTED[source]} cannot be in a workload" if source in _UNSUPPORTED else ""

    def origin(self, callee: Node | None) -> str:
        """Module and name of a called function, such as `k6/http#get`; of an object's, such as `Math#floor`, the object's name."""
        if callee is None:
            return ""
        if callee.type == "identifier":
            origin = self._bound.get(text_of(callee), "")
            return f"utils#{origin.rpartition('#')[2]}" if origin.startswith(_UTILITIES) else origin
        if callee.type == "member_expression":
            owner = text_of(field(callee, "object"))
            return f"{self._bound.get(owner, owner)}#{text_of(field(callee, 'property'))}"
        return ""
