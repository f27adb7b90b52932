"""Variables as data: what is refused before anything is sent."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from kindgate.errors import LoadError
from kindgate.load.variables import Choice, Constant, Counter, RandomInt, Rows, Uuid, Variable


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Rows("user", ("email",), ()), "'user' has no rows"),
        (lambda: Rows("user", (), ((),)), "'user' has no columns"),
        (lambda: Rows("user", ("a", "b", "a"), ((1, 2, 3),)), "two columns named 'a'"),
        (lambda: Rows("user", ("a", "b"), ((1, 2), (3,))), "row 2 of 'user' has 1 values for 2 columns"),
        (lambda: Rows("user", ("a",), ((math.nan,),)), "not a JSON number"),
        (lambda: RandomInt("size", 2, 1), "range of 'size' is empty"),
        (lambda: RandomInt("size", 0, 2**60), "the limit is"),
        (lambda: Counter("n", -(2**60)), "'n' has the number -1152921504606846976"),
        (lambda: Choice("color", ()), "no values"),
        (lambda: Choice("color", (math.inf,)), "'color' holds inf"),
        (lambda: Uuid(""), "not the name of a value"),
        (lambda: Constant("a.b", 1), "'a.b' is not the name"),
        (lambda: Constant("run", 1), "the run's salt"),
    ],
)
def test_an_unusable_variable_is_rejected_with_its_reason(make: Callable[[], object], reason: str) -> None:
    """Nothing is clamped or guessed."""
    with pytest.raises(LoadError, match=reason):
        make()


@pytest.mark.parametrize(
    ("variable", "names"),
    [
        (Rows("user", ("email", "age"), (("a", 1),)), ("user.email", "user.age")),
        (Rows("product", ("",), (("a",), ("b",))), ("product",)),
        (Counter("n"), ("n",)),
    ],
)
def test_columns_are_read_through_their_variable(variable: Variable, names: tuple[str, ...]) -> None:
    """A list of single values has no column names."""
    assert variable.names == names
