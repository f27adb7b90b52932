"""JavaScript as a syntax tree, with positions for errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

from kindgate.scaffold.workload_sources.source_text import SourceText

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|(\r\n|[\s\S]))")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": "", "\r\n": ""}


def parse(source: SourceText) -> Node:
    """The program of a script. Raises `SloError` at the first place that is not JavaScript; TypeScript's types are not."""
    tree = Parser(Language(tree_sitter_javascript.language())).parse(source.text.encode())
    broken = _first_broken(tree.root_node)
    if broken is not None:
        line, column = position(source, broken)
        problem = f"`{broken.type}` is missing" if broken.is_missing else "not JavaScript"
        raise source.at(line, column).error(problem, 0, 1, next_step="compile a TypeScript file to JavaScript first")
    return tree.root_node


def position(source: SourceText, node: Node) -> tuple[int, int]:
    """Line and column of a node in characters, counted from 1."""
    row, column = node.start_point
    line = source.text.encode().split(b"\n")[row]
    return row + 1, len(line[:column].decode(errors="replace")) + 1


def line_of(node: Node) -> int:
    """The node's first line, counted from 1."""
    return node.start_point[0] + 1


def text_of(node: Node | None) -> str:
    """The node's source text; empty without a node."""
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""


def field(node: Node, name: str) -> Node | None:
    """A child by its name in the grammar."""
    return node.child_by_field_name(name)


def named(node: Node | None) -> Iterator[Node]:
    """The children without punctuation and comments."""
    return (child for child in (node.named_children if node is not None else ()) if child.type != "comment")


def literal_text(node: Node) -> str:
    """The characters of a string, or of a template's text between substitutions, with escapes undone."""
    return unescaped("".join(text_of(child) for child in node.children if child.type in {"string_fragment", "escape_sequence"}))


def unescaped(text: str) -> str:
    """JavaScript's escapes undone (ECMAScript, section 12.9.4)."""

    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2] or match[3]
        if code:
            return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else "\ufffd"
        return _CONTROLS.get(match[4], match[4])

    return _ESCAPE.sub(character, text)


def _first_broken(node: Node) -> Node | None:
    """The first node that the parser invented or could not read."""
    if not node.has_error:
        return None
    if node.is_error or node.is_missing:
        return node
    return next((found for child in node.children if (found := _first_broken(child)) is not None), node)
