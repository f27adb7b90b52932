"""Names in a generated workload: routes, data and their placeholders, unique and readable."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kindgate.load.variables import RUN

_LONGEST = 60
_GENERIC = frozenset({"id", "key", "name", "uuid", "slug", "code", "number", "value", "hash", "date"})
"""Names that need the name of their resource to be understood."""


class Names:
    """Gives out names, each of them once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def unique(self, wanted: str) -> str:
        """`wanted`, or with a number if it was given out before."""
        name = wanted
        number = 2
        while name in self._taken:
            name = f"{wanted}_{number}" if "_" in wanted or wanted.isidentifier() else f"{wanted}-{number}"
            number += 1
        self._taken.add(name)
        return name


def label(text: str) -> str:
    """The text as the name of a route or a tag: without the characters that separate tags in a threshold."""
    return re.sub(r"""[,{}"'\x00-\x1f]+""", " ", text).strip()[:_LONGEST].strip()


def identifier(text: str) -> str:
    """A name for data: lowercase words joined by underscores, `product_id` for `productId`."""
    separated = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", separated.lower()).strip("_")[:_LONGEST].strip("_")
    name = name or "value"
    return f"_{name}" if name[0].isdigit() or name == RUN else name


def variable_name(text: str) -> str:
    """A name for an environment variable: `API_KEY` for `apiKey`."""
    return identifier(text).upper()


def route_name(method: str, path: str) -> str:
    """A name for a route: `get-products-id` for `GET /products/{id}`."""
    words = re.findall(r"[A-Za-z0-9]+", path.partition("?")[0])
    return "-".join([method.lower(), *(word.lower() for word in words or ["root"])])[:_LONGEST].rstrip("-")


def parameter_name(name: str, segment: str) -> str:
    """A name for the value of a path parameter after the literal `segment`: `pet_id` for `id` after `pets`."""
    own = identifier(name)
    resource = identifier(singular(segment)) if segment else ""
    return f"{resource}_{own}" if own in _GENERIC and resource and resource != own else own


def singular(word: str) -> str:
    """The likely singular of an English noun: `category` for `categories`."""
    for plural, ending in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh")):
        if word.lower().endswith(plural) and len(word) > len(plural) + 1:
            return word[: -len(plural)] + ending
    return word[:-1] if re.search(r"[^su]s$", word.lower()) and len(word) > 3 else word
