"""Query text: names are matched literally."""

from __future__ import annotations

from kindgate.observe import cadvisor


def test_a_selector_names_the_pods_of_its_namespaces_and_cadvisor_alone() -> None:
    """`id` excludes the kubelet's other endpoint, whose metrics have the same names."""
    assert cadvisor.namespace_selector("up", ["b", "a"]) == 'up{namespace=~"a|b",pod!="",id!=""}'


def test_a_name_is_no_pattern() -> None:
    r"""A dot in a name is a literal dot: RE2 needs `\.`, and a PromQL string needs the backslash twice."""
    assert r'namespace=~"a\\.b"' in cadvisor.namespace_selector("up", ["a.b"])


def test_a_range_covers_at_least_what_was_asked() -> None:
    """PromQL takes whole seconds here, rounded up."""
    assert cadvisor.stored_samples_query("up", ["a"], 61.2).endswith("[62s]")
