"""Facts about the image that a Dockerfile builds, read without an engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_INSTRUCTION = re.compile(r"^[ \t]*(FROM|ENV|ARG|EXPOSE)[ \t]+([^\n]*)", re.MULTILINE | re.IGNORECASE)


def copied_sources(text: str) -> Iterator[str]:
    """Paths that a Dockerfile copies from its context, except downloads, other stages, and paths with variables."""
    for line in re.findall(r"^\s*(?:COPY|ADD)\s+((?:[^\n\\]|\\\n)+)", re.sub(r"\\\r?\n", " ", text), re.MULTILINE | re.IGNORECASE):
        words = line.split()
        flags = [word for word in words if word.startswith("--")]
        if any(flag.startswith("--from=") for flag in flags):
            continue
        rest = line.strip()[sum(len(flag) + 1 for flag in flags) :].strip() if flags else line.strip()
        try:
            listed = json.loads(rest) if rest.startswith("[") else [word for word in words if not word.startswith("--")]
        except ValueError:
            continue
        for source in map(str, listed[:-1]):
            relative = source.removeprefix("./").lstrip("/").rstrip("/")
            if relative not in {"", "."} and "$" not in source and "://" not in source and not source.startswith("<<"):
                yield relative


def exposed_port(text: str, target: str = "") -> int | None:
    """The first TCP port exposed by the stage `target` (the last if empty), or by a stage that it builds on.

    Variables have their ENV values and ARG defaults.
    """
    variables: dict[str, str] = {}
    ports: dict[str, list[str]] = {"": []}
    bases: dict[str, str] = {}
    stage = ""
    for name, rest in _INSTRUCTION.findall(re.sub(r"\\\r?\n", " ", text)):
        words = [word for word in rest.partition("#")[0].split() if not word.startswith("--")]
        match name.upper():
            case "FROM" if words:
                stage = words[2].lower() if len(words) == 3 else str(len(bases))
                ports[stage], bases[stage] = [], words[0].lower()
            case "EXPOSE":
                ports[stage] += words
            case "ENV" | "ARG":
                variables |= _assigned(rest)
    stage_name = target.lower() or stage
    while stage_name in ports:
        for word in ports.pop(stage_name):
            number, _, protocol = _substituted(word, variables).partition("/")
            if number.isdecimal() and protocol.lower() in {"", "tcp"}:
                return int(number)
        stage_name = bases.get(stage_name, stage_name)
    return None


def _assigned(rest: str) -> dict[str, str]:
    """The variables of an ENV or ARG instruction: `A=1 B="2"`, or `A 1`."""
    pairs = re.findall(r"(\w+)=(?:\"([^\"]*)\"|'([^']*)'|(\S*))", rest)
    name, _, value = rest.strip().partition(" ")
    return {key: double or single or bare for key, double, single, bare in pairs} if pairs else {name: value.strip()}


def _substituted(word: str, variables: dict[str, str]) -> str:
    """Substitute `$PORT`, `${PORT}` and `${PORT:-80}` as in a build without arguments."""
    return re.sub(r"\$\{?(\w+)(?::-(\w+))?\}?", lambda match: variables.get(match[1]) or match[2] or "", word)
