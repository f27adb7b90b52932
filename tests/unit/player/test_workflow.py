"""Jobs: order, conditions, results, outputs, matrices, called workflows, permissions, secrets, cancellation."""

from __future__ import annotations

import json

import pytest

from tests.player.documents import NotSupported
from tests.unit.player.conftest import Play

CALLED = """
on:
  workflow_call:
    inputs:
      leg: {type: string, default: e2e}
      count: {type: number, default: 3}
    secrets:
      password: {required: false}
    outputs:
      word: {value: "${{ jobs.inner.outputs.word }} of ${{ inputs.leg }}"}
jobs:
  inner:
    name: ${{ inputs.leg }}
    runs-on: ubuntu-24.04
    permissions: {contents: read}
    outputs: {word: "${{ steps.say.outputs.word }}"}
    steps:
      - id: say
        env: {PASSWORD: "${{ secrets.password }}", COUNT: "${{ inputs.count }}"}
        run: echo "word=$PASSWORD-$COUNT" >> "$GITHUB_OUTPUT"
"""


def caller(more: str, permissions: str = "{contents: read}") -> dict[str, str]:
    """Return a workflow that calls `called.yml`, and a job that prints its output."""
    return {
        ".github/workflows/called.yml": CALLED,
        ".github/workflows/ci.yml": f"""
on: push
permissions: {{}}
jobs:
  call:
    permissions: {permissions}
    uses: $/.github/workflows/called.yml
{more}
  after:
    needs: call
    runs-on: ubuntu-24.04
    steps:
      - name: print
        env: {{WORD: "${{{{ needs.call.outputs.word }}}}"}}
        run: echo "$WORD"
""",
    }


def jobs(text: str) -> str:
    """Return a workflow for pushes with these jobs."""
    return "on: push\npermissions: {}\njobs:\n" + text


def job(name: str, *, needs: str = "", condition: str = "", run: str = "true") -> str:
    """Return a job with one step."""
    lines = [f"  {name}:", "    runs-on: ubuntu-24.04", f"    steps: [{{name: run, run: '{run}'}}]"]
    lines += [f"    needs: [{needs}]"] * bool(needs) + [f"    if: ${{{{ {condition} }}}}"] * bool(condition)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("condition", "after_failure", "after_skip"),
    [
        ("", "skipped", "skipped"),
        ("always()", "success", "success"),
        ("!cancelled()", "success", "success"),
        ("failure()", "success", "skipped"),
        ("success()", "skipped", "skipped"),
        ("needs.first.result == 'skipped'", "skipped", "skipped"),
        ("always() && needs.first.result == 'skipped'", "skipped", "success"),
    ],
)
def test_a_condition_decides_what_follows_a_failure_or_a_skip(played: Play, condition: str, after_failure: str, after_skip: str) -> None:
    """Without a status function, a condition also requires success of all needed jobs."""
    second = job("second", needs="first", condition=condition)

    failed = played(jobs(job("first", run="false") + second))
    skipped = played(jobs(job("first", condition="false") + second))

    assert failed.checks == {"first": "failure", "second": after_failure}
    assert skipped.checks == {"first": "skipped", "second": after_skip}
    assert failed.conclusion == "failure"


def test_a_skip_is_passed_on_behind_a_job_that_ran_all_the_same(played: Play) -> None:
    """`success()` covers the whole chain: GitHub skips the third job too."""
    run = played(jobs(job("first", condition="false") + job("second", needs="first", condition="always()") + job("third", needs="second")))

    assert run.checks == {"first": "skipped", "second": "success", "third": "skipped"}
    assert run.conclusion == "success"


def test_jobs_run_after_those_they_need_and_see_their_outputs(played: Play) -> None:
    """Their order in the file does not matter."""
    run = played(
        jobs("""
  second:
    needs: first
    runs-on: ubuntu-24.04
    steps:
      - name: print
        env: {NEEDS: "${{ toJSON(needs) }}"}
        run: printf '%s' "$NEEDS"
  first:
    runs-on: ubuntu-24.04
    outputs: {found: "${{ steps.look.outputs.found }}"}
    steps:
      - id: look
        run: echo found=it >> "$GITHUB_OUTPUT"
""")
    )

    assert json.loads(run.job("second").step("print").log) == {"first": {"result": "success", "outputs": {"found": "it"}}}


def test_a_matrix_is_a_job_for_each_value(played: Play) -> None:
    """One failed job fails the run."""
    run = played(
        jobs("""
  unit:
    runs-on: ubuntu-24.04
    strategy: {matrix: {python: ["3.11", "3.12"]}}
    steps: [{run: 'test ${{ matrix.python }} = 3.11'}]
""")
    )

    assert run.checks == {"unit (3.11)": "success", "unit (3.12)": "failure"}
    assert run.conclusion == "failure"


def test_a_called_workflow_gets_inputs_and_secrets_and_gives_outputs(played: Play) -> None:
    """The check has both jobs' names; a secret that is not passed is empty."""
    with_secret = played(caller("    with: {leg: a}\n    secrets: {password: '${{ secrets.OURS }}'}"), secrets={"OURS": "canary"})
    without = played(caller("    with: {leg: b, count: 4}"), secrets={"OURS": "canary", "password": "other"})

    assert with_secret.checks == {"call / a": "success", "after": "success"}
    assert with_secret.job("after").step("print").log == "canary-3 of a\n"
    assert without.job("after").step("print").log == "-4 of b\n"
    assert with_secret.referenced == (f"acme/shop/.github/workflows/called.yml@{'1' * 40}",)


@pytest.mark.parametrize(
    ("more", "permissions", "problem"),
    [
        ("    with: {other: a}", "{contents: read}", "other"),
        ("    with: {count: three}", "{contents: read}", "no number"),
        ("", "{}", "requests contents: read, but is only allowed contents: none"),
    ],
)
def test_a_call_that_github_refuses_starts_nothing(played: Play, more: str, permissions: str, problem: str) -> None:
    """Unknown inputs, wrong types and more permissions than the caller grants are refused."""
    run = played(caller(more, permissions))

    assert run.conclusion == "startup_failure"
    assert problem in run.problem
    assert run.jobs == ()


def test_a_token_may_do_what_the_job_says_and_in_a_forks_run_nothing_but_read(played: Play) -> None:
    """The player's tokens contain their permissions."""
    text = """
on: push
jobs:
  write:
    permissions: {statuses: write, contents: read}
    runs-on: ubuntu-24.04
    steps: [{name: print, env: {TOKEN: "${{ github.token }}"}, run: 'printf %s "$TOKEN"'}]
  default:
    runs-on: ubuntu-24.04
    steps: [{name: print, env: {TOKEN: "${{ github.token }}"}, run: 'printf %s "$TOKEN"'}]
"""
    tokens = [
        json.loads(run.job(name).step("print").log) for run in (played(text), played(text, read_only=True)) for name in ("write", "default")
    ]

    assert tokens == [
        {"statuses": "write", "contents": "read"},
        {"contents": "read", "packages": "read"},
        {"statuses": "read", "contents": "read"},
        {"contents": "read", "packages": "read"},
    ]


def test_a_cancelled_run_ends_what_runs_and_starts_only_what_comes_always(played: Play) -> None:
    """Steps and jobs behave alike."""
    text = jobs(
        """
  first:
    runs-on: ubuntu-24.04
    steps:
      - {name: long, run: exit 1}
      - {name: next, run: 'true'}
      - {name: last, if: "${{ always() }}", run: 'true'}
"""
        + job("second", needs="first")
        + job("third", needs="first", condition="!cancelled()")
        + job("fourth", needs="first", condition="always()")
    )

    run = played(text, cancel_at="first / long")

    assert run.conclusion == "cancelled"
    assert run.checks == {"first": "cancelled", "second": "cancelled", "third": "cancelled", "fourth": "success"}
    assert [step.outcome for step in run.job("first").steps] == ["cancelled", "skipped", "success"]


@pytest.mark.parametrize("more", ["container: debian", "continue-on-error: true", "strategy: {matrix: {include: [{a: 1}]}}"])
def test_what_the_player_does_not_know_is_an_error(played: Play, more: str) -> None:
    """Otherwise a test could pass because a key was ignored."""
    with pytest.raises(NotSupported):
        played(jobs(job("first") + f"    {more}\n"))
