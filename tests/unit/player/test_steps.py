"""Steps: environment, files, conditions, outcomes, composite actions, and background processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from kindgate.waiting import Deadline, Pending, Ready, wait_for
from tests.player.documents import NotSupported
from tests.player.results import JobResult
from tests.unit.player.conftest import Play


def steps(played: Play, text: str, **more: str) -> JobResult:
    """Play a job with these steps."""
    lines = "\n".join(f"      {line}" for line in text.strip().splitlines())
    head = (
        "on: push\nenv: {LEVEL: workflow, OUTER: workflow}\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    env: {LEVEL: job}\n    steps:\n"
    )
    return played({".github/workflows/ci.yml": f"{head}{lines}\n", **more}).job("one")


def test_a_step_sees_the_environment_of_workflow_job_and_step(played: Play) -> None:
    """The innermost value wins; GITHUB_ENV and GITHUB_PATH apply to later steps."""
    job = steps(
        played,
        """
- run: |
    echo "FROM=first" >> "$GITHUB_ENV"
    mkdir bin && printf '#!/bin/sh\\necho called' > bin/ours && chmod +x bin/ours && echo "$PWD/bin" >> "$GITHUB_PATH"
- name: print
  env: {OWN: "${{ env.FROM }}-${{ github.event.number }}"}
  run: echo "$LEVEL $OUTER $FROM $OWN $(ours) $GITHUB_RUN_ID ${GITHUB_TOKEN-none}"
""",
    )

    assert job.step("print").log == "job workflow first first-17 called 9001 none\n"


def test_outcome_and_conclusion_differ_where_an_error_is_forgiven(played: Play) -> None:
    """`steps.ID.outcome` shows the failure, but the job continues."""
    job = steps(
        played,
        """
- {id: same, continue-on-error: true, run: exit 3}
- {name: print, run: "echo ${{ steps.same.outcome }} ${{ steps.same.conclusion }}"}
""",
    )

    assert (job.result, job.step("print").log) == ("success", "failure success\n")


def test_a_failed_step_skips_those_behind_it_but_for_those_that_run_always(played: Play) -> None:
    """A step's condition refers to the steps before it."""
    job = steps(
        played,
        """
- {name: a, run: exit 1}
- {name: b, run: 'true'}
- {name: c, if: "${{ failure() }}", run: 'true'}
- {name: d, if: "${{ always() }}", run: 'true'}
""",
    )

    assert job.result == "failure"
    assert [step.outcome for step in job.steps] == ["failure", "skipped", "success", "success"]


def test_a_pipe_fails_a_step_where_bash_is_named(played: Play) -> None:
    """`shell: bash` is stricter than the default shell."""
    assert steps(played, "- run: false | cat").result == "success"
    assert steps(played, "- {shell: bash, run: false | cat}").result == "failure"


def test_a_summary_is_kept(played: Play) -> None:
    """It has all steps' summaries in order."""
    job = steps(played, "- run: echo one >> $GITHUB_STEP_SUMMARY\n- run: echo two >> $GITHUB_STEP_SUMMARY")

    assert job.summary == "one\ntwo\n"


ACTION = """
name: greet
description: Greets.
inputs:
  who: {default: world, description: "."}
outputs:
  text: {value: "${{ steps.say.outputs.text }}", description: "."}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: {WHO: "${{ inputs.who }}"}
      run: echo "text=hello $WHO" >> "$GITHUB_OUTPUT"
    - if: ${{ inputs.who == 'nobody' }}
      shell: bash
      run: test -f "$GITHUB_ACTION_PATH/action.yml" && false
"""


def test_a_composite_action_has_inputs_outputs_and_steps_of_its_own(played: Play) -> None:
    """It fails if one of its steps does."""
    text = """
- {{id: greet, uses: $/.github/actions/greet, with: {{who: {who}}}}}
- {{name: print, run: 'echo ${{{{ steps.greet.outputs.text }}}}'}}
"""
    action = {".github/actions/greet/action.yml": ACTION}

    assert steps(played, text.format(who="mona"), **action).step("print").log == "hello mona\n"
    assert steps(played, text.format(who="nobody"), **action).result == "failure"
    with pytest.raises(NotSupported):
        steps(played, "- {uses: $/.github/actions/greet, with: {whom: mona}}", **action)


def test_what_a_job_leaves_in_the_background_ends_with_it(played: Play) -> None:
    """It blocks no step, and runs as long as the job."""
    job = steps(
        played,
        """
- run: (while true; do echo x >> ticks; sleep 0.01; done) & echo $! > pid
- name: running
  run: before=$(wc -l < ticks); until test "$(wc -l < ticks)" -gt "$before"; do sleep 0.01; done; cat pid
""",
    )
    process = Path("/proc") / job.step("running").log.strip() / "cmdline"

    def ended() -> Ready[None] | Pending:
        return Pending("it runs") if process.exists() and process.read_bytes() else Ready(None)

    wait_for("the end of the process", ended, Deadline.after(10), interval=0.01)


@pytest.mark.parametrize("step", ["- {run: 'true', shell: python}", "- {run: 'true', other: 1}", "- uses: acme/unknown@v1"])
def test_a_step_that_is_not_known_is_an_error(played: Play, step: str) -> None:
    """The step is not skipped silently."""
    with pytest.raises(NotSupported):
        steps(played, step)
