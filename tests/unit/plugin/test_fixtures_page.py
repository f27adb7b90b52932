"""docs/fixtures.md matches the code."""

from pathlib import Path

from kindgate.plugin.fixtures_page import fixtures_page, public_fixtures


def test_the_page_is_up_to_date() -> None:
    """`make docs` writes the same text."""
    page = (Path(__file__).parents[3] / "docs/fixtures.md").read_text()

    assert page == fixtures_page()


def test_every_fixture_is_described() -> None:
    """The fixtures named in the README are included."""
    documented = dict(public_fixtures())
    short = {
        "cluster",
        "kind_cluster",
        "app",
        "ingress",
        "prometheus",
        "burst",
        "slo",
        "duet",
        "resources",
        "namespace",
        "rollout",
        "chaos",
        "policy",
        "scaling",
    }

    assert {f"kindgate_{name}" for name in short} | {"kindgate_settings"} == set(documented)
    assert all(documented.values())
