"""Requests are grouped into routes with the rows of values that were really seen together."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from kindgate.scaffold.workload_sources.traffic import MAX_ROWS, Traffic, TrafficRoute, csv_text


def routes(requests: Iterable[tuple[str, str]], method: str = "GET") -> dict[str, TrafficRoute]:
    """The routes of requests, given as target and client, by their path in a workload."""
    traffic = Traffic()
    for target, client in requests:
        traffic.add(method, target, client)
    return {one.path("row"): one for one in traffic.routes()}


def test_values_that_were_seen_together_stay_together() -> None:
    """Item 7 may exist in shop 1 only."""
    found = routes([("/shops/1/items/7?page=2", ""), ("/shops/2/items/9?page=3", ""), ("/shops/1/items/7?page=2", "")])

    route = found["/shops/{row.id}/items/{row.item_id}?page={row.page}"]
    assert (route.columns, route.rows, route.count) == (("id", "item_id", "page"), (("1", "7", "2"), ("2", "9", "3")), 3)


def test_a_query_value_that_never_changes_is_written_as_it_is() -> None:
    """A person recognizes it, and no file is needed."""
    assert list(routes([("/a?sort=price&page=1", ""), ("/a?page=2&sort=price", "")])) == ["/a?sort=price&page={row.page}"]


def test_rare_query_parameters_are_left_out() -> None:
    """A route has the parameters of most of its requests."""
    (route,) = routes([("/a?page=1", ""), ("/a?page=2", ""), ("/a?page=3&debug=1", "")]).values()

    assert (route.path("row"), route.left_out) == ("/a?page={row.page}", (("debug", "in fewer than half of the requests"),))


def test_many_words_in_one_place_become_a_variable() -> None:
    """Articles have titles instead of ids; the pages of a site are few."""
    articles = [(f"/articles/title-{letter}", "") for letter in "abcdefghijklmnop"]
    pages = [(f"/{page}/all", "") for page in ("home", "about", "jobs")]

    found = routes([*articles, *pages])

    assert set(found) == {"/articles/{row.name}", "/home/all", "/about/all", "/jobs/all"}
    assert found["/articles/{row.name}"].rows[0] == ("title-a",)


def test_a_text_that_one_client_sent_is_not_written() -> None:
    """A search may name its author; one that two clients sent is no longer about a person. Numbers are not affected."""
    requests = [("/s?q=shoe&page=7", "a"), ("/s?q=shoe&page=7", "b"), ("/s?q=my+neighbor&page=1", "c"), ("/s?q=hat&page=9", "c")]

    (route,) = routes(requests).values()

    assert (route.columns, route.rows, route.query) == ((), (), (("q", "shoe"), ("page", "7")))


def test_with_one_client_every_text_is_written() -> None:
    """A log behind a proxy, or a recording, has one client only."""
    (route,) = routes([("/s?q=shoe", "a"), ("/s?q=hat", "a")]).values()

    assert route.rows == (("shoe",), ("hat",))


def test_the_most_frequent_rows_are_kept() -> None:
    """A file of all values would be as long as the log."""
    requests = [(f"/products/{number}", "") for number in range(MAX_ROWS + 50)] + [("/products/1", "")]

    (route,) = routes(requests).values()

    assert (len(route.rows), route.rows[0], route.count) == (MAX_ROWS, ("1",), MAX_ROWS + 51)


def test_known_values_replace_variables_of_the_path() -> None:
    """A step of a journey uses what an earlier answer contained."""
    (route,) = routes([("/shops/1/items/7?page=2", ""), ("/shops/2/items/8?page=3", "")]).values()

    assert route.path("row", {1: "{item}"}) == "/shops/{row.id}/items/{item}?page={row.page}"
    assert route.needs_rows({1: "{item}"})


def test_values_with_control_characters_are_not_written() -> None:
    """Scanners send them; a line break would end a row."""
    (route,) = routes([("/s?q=a%0D", ""), ("/s?q=b", ""), ("/s?q=c", "")]).values()

    assert route.rows == (("b",), ("c",))


@given(st.lists(st.lists(st.text(min_size=1, max_size=5).filter(str.isprintable), min_size=2, max_size=2), min_size=1, max_size=4))
def test_a_csv_file_is_read_back(rows: list[list[str]]) -> None:
    """Values contain commas and quotes."""
    text = csv_text(("a", "b"), rows)

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *rows]
