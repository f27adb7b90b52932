"""The results of one leg's jobs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kindgate.github.legs import leg_conclusions
from kindgate.github.replies import JobInfo

CONCLUSIONS = st.sampled_from(["success", "failure", "cancelled", "timed_out", "skipped", ""])


@given(judging=CONCLUSIONS, verifying=CONCLUSIONS, other=CONCLUSIONS)
def test_a_leg_succeeds_if_both_its_jobs_do(judging: str, verifying: str, other: str) -> None:
    """Jobs of other legs do not count, even if their name starts with this leg's."""
    jobs = [
        JobInfo("lint", other),
        JobInfo("suite / e2e-long", other),
        JobInfo("suite / e2e", judging),
        JobInfo("suite / e2e verdict", verifying),
    ]

    found = leg_conclusions(jobs, ["e2e"])

    assert (found["e2e"] == "success") == (judging == verifying == "success")


def test_a_leg_without_jobs_is_omitted() -> None:
    """A leg without jobs is omitted; the conclusion of the run counts for it."""
    assert leg_conclusions([JobInfo("lint", "success")], ["e2e"]) == {}
