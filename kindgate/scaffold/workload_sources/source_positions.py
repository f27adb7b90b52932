"""Line and column of a value in a JSON or YAML text, found on demand: a document of megabytes is not read with positions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TypeAlias

import yaml

Pointer: TypeAlias = tuple[str | int, ...]
"""The path of a value in a document: keys and indexes."""


def json_position(text: str, pointer: Pointer) -> tuple[int, int]:
    """Line and column, counted from 1, of the value at `pointer` in valid JSON, or of the closest value around it that exists."""
    decoder = json.JSONDecoder()
    position = _after_space(text, 0)
    for step in pointer:
        found = next((start for key, start in _json_members(decoder, text, position) if key == step), None)
        if found is None:
            break
        position = found
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def yaml_position(text: str, pointer: Pointer) -> tuple[int, int]:
    """Line and column, counted from 1, of the value at `pointer` in valid YAML, or of the closest value around it that exists."""
    best, depth = (1, 1), -1
    for path, line, column in _yaml_values(text):
        if len(path) > depth and pointer[: len(path)] == path:
            best, depth = (line, column), len(path)
        if depth == len(pointer):
            break
    return best


def _json_members(decoder: json.JSONDecoder, text: str, position: int) -> Iterator[tuple[str | int, int]]:
    """Keys or indexes of the object or array at `position`, with the positions of their values."""
    is_object = text[position] == "{"
    if not is_object and text[position] != "[":
        return
    position = _after_space(text, position + 1)
    index = 0
    while text[position] not in "}]":
        key: str | int = index
        if is_object:
            key, position = decoder.raw_decode(text, position)
            position = _after_space(text, _after_space(text, position) + 1)
        yield key, position
        _, position = decoder.raw_decode(text, position)
        position = _after_space(text, position)
        if text[position] == ",":
            position = _after_space(text, position + 1)
        index += 1


def _after_space(text: str, position: int) -> int:
    while text[position] in " \t\r\n\ufeff":
        position += 1
    return position


def _yaml_values(text: str) -> Iterator[tuple[Pointer, int, int]]:
    """The path, line and column of every value; keys are expected to be scalars."""
    stack: list[str | int | None] = []  # the key or index in each open collection; None where the next event is a key
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            _advance(stack)
        elif isinstance(event, yaml.ScalarEvent) and stack and stack[-1] is None:
            stack[-1] = str(event.value)
        elif isinstance(event, yaml.NodeEvent):
            mark = event.start_mark
            line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
            yield tuple(key for key in stack if key is not None), line, column
            if isinstance(event, yaml.CollectionStartEvent):
                stack.append(None if isinstance(event, yaml.MappingStartEvent) else 0)
            else:
                _advance(stack)


def _advance(stack: list[str | int | None]) -> None:
    """Go to the next key or index of the innermost collection."""
    if stack:
        stack[-1] = stack[-1] + 1 if isinstance(stack[-1], int) else None
