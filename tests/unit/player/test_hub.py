"""Events: which workflows they start, from which commit, with which token, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.player.github import PlayedGitHub
from tests.player.hub import Hub
from tests.unit.github.standin import serving

FIRST = """
name: first
on: {pull_request: null, push: {branches: [main]}, merge_group: null}
permissions: {}
jobs:
  judge:
    permissions: {contents: read, statuses: write}
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v1
        with: {fetch-depth: 2}
      - name: print
        env: {SECRET: "${{ secrets.OURS }}"}
        run: echo "$(cat app.txt) $SECRET $GITHUB_EVENT_NAME $(git rev-list --count HEAD)"
      - uses: actions/upload-artifact@v1
        with: {name: found, path: app.txt}
"""
SECOND = """
name: second
on: {workflow_run: {workflows: [first], types: [requested, completed]}}
permissions: {}
jobs:
  publish:
    permissions: {actions: read, statuses: write}
    runs-on: ubuntu-24.04
    steps:
      - name: status
        env: {TOKEN: "${{ github.token }}", RUN: "${{ github.event.workflow_run.id }}"}
        run: |
          address="$GITHUB_API_URL/repos/acme/shop/actions/runs/$RUN/artifacts"
          curl --silent -o /dev/null -w '%{http_code}\\n' -H "Authorization: Bearer $TOKEN" "$address"
      - if: ${{ github.event.action == 'completed' }}
        uses: actions/download-artifact@v1
        with: {run-id: "${{ github.event.workflow_run.id }}", github-token: "${{ github.token }}", name: found}
      - name: show
        run: echo "${{ github.event.action }} ${{ github.event.workflow_run.conclusion }} $(cat app.txt)"
"""


@pytest.fixture(name="hub")
def _hub(tmp_path: Path) -> Iterator[Hub]:
    """A repository with a workflow and one that follows it."""
    with serving(PlayedGitHub()) as github:
        hub = Hub(tmp_path, github, tmp_path, secrets={"OURS": "canary"})
        hub.commit({"app.txt": "1\n", ".github/workflows/first.yml": FIRST, ".github/workflows/second.yml": SECOND})
        yield hub


def test_a_pull_request_runs_its_merge_and_what_follows_runs_from_the_default_branch(hub: Hub) -> None:
    """The following workflow runs when the first is requested and again when it completes."""
    hub.commit({"app.txt": "2\n", ".github/workflows/second.yml": None}, "faster")
    hub.commit({"other.txt": "main went on\n"})

    requested, first, completed = hub.pull("faster")

    assert (requested.path, first.path, completed.path) == tuple(f".github/workflows/{name}.yml" for name in ("second", "first", "second"))
    assert first.result.job("judge").step("print").log == "2 canary pull_request 3\n"
    assert first.head == hub.git("rev-parse", "faster")
    assert completed.result.job("publish").step("show").log == "completed success 2\n"
    assert completed.head == hub.git("rev-parse", "main")


def test_a_pull_request_brings_its_own_workflow_file(hub: Hub) -> None:
    """A required check can therefore not rely on it."""
    hub.commit({".github/workflows/first.yml": FIRST.replace("cat app.txt", "echo changed")}, "other")

    assert "changed" in hub.pull("other")[1].result.log


def test_a_fork_has_neither_secrets_nor_a_token_that_writes(hub: Hub) -> None:
    """The same holds for Dependabot; the following workflow has its own token."""
    hub.commit({"app.txt": "2\n"}, "faster")

    for played in (hub.pull("faster", fork=True), hub.pull("faster", author="dependabot[bot]")):
        assert "canary" not in played[1].result.log
        assert played[2].result.job("publish").step("status").log == "200\n"
    assert [grants for grants in hub.github.grants.values() if grants.get("statuses") == "write" and "contents" in grants] == []


@pytest.mark.parametrize(("event", "count"), [("push", "1"), ("merge_group", "3")])
def test_pushes_and_merge_groups_start_it_too(hub: Hub, event: str, count: str) -> None:
    """They run from the pushed or queued commit."""
    if event == "push":
        _, first, _ = hub.push()
    else:
        hub.commit({"app.txt": "1\n", "b.txt": "b\n"}, "faster")
        hub.commit({"other.txt": "main went on\n"})
        _, first, _ = hub.queue("faster")

    assert first.result.job("judge").step("print").log == f"1 canary {event} {count}\n"


def test_a_token_is_refused_what_it_was_not_granted(hub: Hub) -> None:
    """The API refuses the request and records it."""
    token = hub.github.grant({"contents": "read"})
    path = "/api/v3/repos/acme/shop"

    assert hub.github.answer("POST", f"{path}/issues/17/comments", {"body": "x"}, f"Bearer {token}").status == 403
    assert hub.github.answer("GET", f"{path}/actions/runs/9001", {}, f"Bearer {token}").status == 403
    assert hub.github.answer("GET", f"{path}/pulls/17", {}, f"Bearer {token}").status == 200
    hub.github.private = True
    assert hub.github.answer("GET", f"{path}/pulls/17", {}, f"Bearer {token}").status == 403
    assert len(hub.github.refused) == 3
