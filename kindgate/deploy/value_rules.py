"""Kubernetes' rules for single values: names, labels, ports, quantities (`apimachinery/pkg/util/validation`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any

Problem = tuple[str, str]
"""Path and message."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_QUANTITY = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_FACTORS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18} | {
    f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)
}


def mapping(value: Any) -> Mapping[str, Any]:  # noqa: ANN401  # a part of a YAML document
    """Return the value if it is a mapping, otherwise an empty one: other rules report the error."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401  # the same
    """Return the mappings in a list; empty if the value is not a list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def dns_label_problem(text: str) -> str:
    """Return the problem with a DNS-1123 label; empty if it is valid."""
    if len(text) <= 63 and _LABEL.fullmatch(text):
        return ""
    return f"{text!r} is not a DNS label: at most 63 lowercase letters, digits and '-', with a letter or digit at both ends"


def dns_label_1035_problem(text: str) -> str:
    """Return the problem with a DNS-1035 label, which begins with a letter; empty if it is valid."""
    return "" if len(text) <= 63 and _LABEL_1035.fullmatch(text) else f"{text!r} is not a DNS label that starts with a letter"


def subdomain_problem(text: str) -> str:
    """Return the problem with a DNS-1123 subdomain; empty if it is valid."""
    if len(text) <= 253 and _SUBDOMAIN.fullmatch(text):
        return ""
    return f"{text!r} is not a DNS name: lowercase letters, digits, '-' and '.', with a letter or digit at both ends"


def _path_segment_problem(text: str) -> str:
    return f"{text!r} may not be '.' or '..' and may not contain '/' or '%'" if text in {".", ".."} or set("/%") & set(text) else ""


NAME_RULES: Mapping[str, Callable[[str], str]] = {
    "Namespace": dns_label_problem,
    "Service": dns_label_1035_problem,
    **dict.fromkeys(("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"), _path_segment_problem),
}
"""Name rules of kinds for which a DNS-1123 subdomain is not the rule."""


def label_problems(path: str, labels: Mapping[str, Any], *, values: bool) -> Iterator[Problem]:
    """Yield problems with labels (`values`) or annotations, whose values are unrestricted."""
    for key, value in labels.items():
        prefix, slash, name = key.rpartition("/")
        if (slash and subdomain_problem(prefix)) or not _QUALIFIED.fullmatch(name) or len(name) > 63:
            yield path, f"{key!r} is not a label key: [prefix/]name of letters, digits, '-', '_' and '.'"
        if values and isinstance(value, str) and value and (len(value) > 63 or not _QUALIFIED.fullmatch(value)):
            yield f"{path}.{key}", f"{value!r} is not a label value: at most 63 letters, digits, '-', '_' and '.'"


def port_problem(port: int) -> str:
    """Return the problem with a port number; empty if it is valid."""
    return "" if 1 <= port <= 65535 else f"{port} is not a port between 1 and 65535"


def port_name_problem(name: Any) -> str:  # noqa: ANN401  # a part of a YAML document
    """Return the problem with a container port's name (an IANA service name); empty if it is valid."""
    text = str(name)
    is_valid = len(text) <= 15 and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text) and re.search(r"[a-z]", text)
    return (
        ""
        if is_valid
        else f"{text!r} is not a port name: at most 15 lowercase letters, digits and single '-', at least one of them a letter"
    )


def quantity_problem(value: Any) -> str:  # noqa: ANN401  # the same
    """Return the problem with a quantity such as `100m` or `64Mi`; empty if it is valid."""
    if isinstance(value, int | float) or _QUANTITY.fullmatch(str(value)):
        return ""
    return f"{value!r} is not a quantity such as 100m or 64Mi"


def quantity(value: Any) -> float:  # noqa: ANN401  # the same
    """Return the numeric value of a valid quantity."""
    text = str(value)
    match = re.fullmatch(r"(.*?)([KMGTPE]i|[numkMGTPE])?", text)
    number, unit = (match[1], match[2] or "") if match else (text, "")
    return float(number) * _FACTORS[unit]


def choice_problems(path: str, value: Any, known: Sequence[str]) -> Iterator[Problem]:  # noqa: ANN401  # the same
    """Yield a problem if a value is given but not one of `known`."""
    if value is not None and value not in known:
        yield path, f"{value!r} is not one of {', '.join(known)}"


def unique_problems(path: str, values: Sequence[Hashable], field: str) -> Iterator[Problem]:
    """Yield a problem for each repeated value; missing values are ignored."""
    seen: set[Hashable] = set()
    for number, value in enumerate(values):
        if value is not None and value in seen:
            shown = "/".join(map(str, value)) if isinstance(value, tuple) else value
            yield f"{path}[{number}].{field}", f"{shown} occurs twice"
        seen.add(value)
