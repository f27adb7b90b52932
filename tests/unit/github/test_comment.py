"""Posting with the real PyGithub to a stand-in that fails the way GitHub does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

import pytest

from kindgate.errors import GitHubError, GitHubRefused, WaitTimeout
from kindgate.github.comment import Conversation, Post, PostResult
from kindgate.github.comment_marker import Marker, parse_marker
from kindgate.waiting import Deadline
from tests.unit.github.standin import BOT, HEAD, Fault, StandIn

MARKER = Marker("ci", HEAD, 9001, 1, "a" * 16)
OLD = replace(MARKER, run=9000, digest="b" * 16)
LIST = r"GET .*/issues/17/comments"
CREATE = r"POST .*/issues/17/comments"
EDIT = r"PATCH .*/issues/comments/"
DELETE = r"DELETE .*/issues/comments/"
READ = r"GET .*/pulls/17"


@dataclass
class FakeTime:
    """A clock that advances only with the pauses; `wait_forever` are the pauses in seconds."""

    now: float = 0.0
    wait_forever: tuple[float, ...] = ()

    def clock(self) -> float:
        """Return the time in seconds."""
        return self.now

    def pause(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds
        self.wait_forever = (*self.wait_forever, seconds)


def posting(marker: Marker = MARKER) -> Post:
    """Build a post with this `marker`."""
    return Post(17, marker, f"{marker}\n# verdict", BOT, "auto", passed=True)


def converge(github: StandIn, post: Post | None = None, time: FakeTime | None = None, seconds: float = 45.0) -> PostResult:
    """Post as a run does, without real waits."""
    time = time or FakeTime()
    with github.api() as api:
        return Conversation(api, post or posting(), Deadline.after(seconds, time.clock), time.pause).converge()


def test_the_first_comment_takes_three_requests(github: StandIn) -> None:
    """The pull request reports no comments; the list after the creation finds those of concurrent runs."""
    result = converge(github)

    assert result.line == "comment created on #17"
    assert result.url.endswith("#issuecomment-1")
    assert [request.split()[0] for request in github.requests] == ["GET", "POST", "GET"]
    assert github.written() == [posting().body]


def test_an_update_takes_three_requests(github: StandIn) -> None:
    """An update takes the pull request, its comments and the edit."""
    github.add_comment(f"{OLD}\nold", BOT)

    result = converge(github)

    assert result.line == "comment updated on #17"
    assert [request.split()[0] for request in github.requests] == ["GET", "GET", "PATCH"]
    assert github.written() == [posting().body]


def test_any_number_of_runs_leaves_one_comment(github: StandIn) -> None:
    """Each run edits the comment of the run before."""
    for run in range(9001, 9007):
        converge(github, posting(replace(MARKER, run=run)))

    assert github.written() == [posting(replace(MARKER, run=9006)).body]


def test_concurrent_runs_leave_one_comment(github: StandIn) -> None:
    """Each concurrent run can create a comment, but all list again and agree on the one to keep.

    GitHub has no conditional edit, so the run that writes last is random until the next run.
    """
    start = threading.Barrier(6)
    failures: list[BaseException] = []

    def post(run: int) -> None:
        start.wait()
        try:
            converge(github, posting(replace(MARKER, run=run)))
        except BaseException as error:  # noqa: BLE001 - the test's own thread reports it
            failures.append(error)

    threads = [threading.Thread(target=post, args=(9000 + number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(github.written()) == 1
    found = parse_marker(github.written()[0])
    assert found is not None
    assert 9000 <= found.run <= 9005


@pytest.mark.parametrize("page_limit", [30, 100])
def test_the_comment_is_found_after_many_older_comments(github: StandIn, page_limit: int) -> None:
    """All pages are read, whatever page size the server uses."""
    github.page_limit = page_limit
    for number in range(35):
        github.add_comment(f"comment {number}")
    github.add_comment(f"{OLD}\nold", BOT)

    converge(github)

    assert github.written() == [posting().body]
    assert len(github.comments) == 36
    assert len(github.requests) == (4 if page_limit == 30 else 3)


def test_only_duplicates_of_the_comment_are_deleted(github: StandIn) -> None:
    """Another suite's comment, a quote of ours and other comments by the bot are kept."""
    other = f"{replace(OLD, id='nightly')}\nother suite"
    for body, author in [
        (f"{OLD}\nfirst", BOT),
        (other, BOT),
        (f"> {OLD}", "mona"),
        (f"{OLD}", "mona"),
        ("hello", BOT),
        (f"{OLD}\nsecond", BOT),
    ]:
        github.add_comment(body, author)

    converge(github)

    assert github.written() == [posting().body, other, "hello"]
    assert github.written("mona") == [f"> {OLD}", f"{OLD}"]


def test_an_already_deleted_duplicate_is_ignored(github: StandIn) -> None:
    """A concurrent run may have deleted the duplicate already."""
    github.add_comment(f"{OLD}\nfirst", BOT)
    github.add_comment(f"{OLD}\nsecond", BOT)
    github.fail(DELETE, Fault("not_found"))

    assert converge(github).warnings == ()


def test_an_undeletable_duplicate_is_a_warning(github: StandIn) -> None:
    """A duplicate that cannot be deleted is a warning, because the comment itself was written."""
    github.add_comment(f"{OLD}\nfirst", BOT)
    github.add_comment(f"{OLD}\nsecond", BOT)
    github.fail(DELETE, Fault("read_only_token"))

    result = converge(github)

    assert result.line == "comment updated on #17"
    assert "Resource not accessible" in result.warnings[0]


def test_a_newer_runs_comment_is_kept(github: StandIn) -> None:
    """A run that ends late does not overwrite a newer run's comment."""
    newer = f"{replace(MARKER, run=9002)}\nnewer"
    github.add_comment(newer, BOT)

    assert "newer run" in converge(github).line
    assert github.written() == [newer]


def test_an_outdated_head_gets_no_comment(github: StandIn) -> None:
    """A run of an older push does not comment on the new head."""
    github.pull["head"]["sha"] = "f" * 40

    assert "now has head" in converge(github).line
    assert github.comments == []


def test_a_closed_pull_request_gets_no_comment(github: StandIn) -> None:
    """A closed pull request gets no comment."""
    github.pull["state"] = "closed"

    assert "closed" in converge(github).line
    assert github.comments == []


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("read_only_token", 403, "Resource not accessible by integration"),
        ("not_found", 404, "Not Found"),
        ("invalid", 422, "Validation Failed"),
        ("locked", 403, "issue is locked"),
        ("archived", 403, "archived"),
        ("gone", 410, "disabled"),
        ("bad_credentials", 401, "Bad credentials"),
    ],
)
def test_a_refusal_is_final(github: StandIn, fault: str, status: int, words: str) -> None:
    """A permission error is not retried, and the error gives the next step."""
    github.fail(CREATE, Fault(fault))

    with pytest.raises(GitHubRefused, match=words) as caught:
        converge(github)

    assert caught.value.status == status
    assert github.count("POST") == 1
    assert status == 422 or caught.value.next_step


@pytest.mark.parametrize(
    ("request_", "method", "fault"),
    [
        *(
            (request, method, Fault("bad_gateway"))
            for request, method in [(READ, "GET"), (LIST, "GET"), (EDIT, "PATCH"), (DELETE, "DELETE")]
        ),
        *((request, method, Fault(silent=True)) for request, method in [(READ, "GET"), (LIST, "GET"), (EDIT, "PATCH"), (DELETE, "DELETE")]),
        *((request, method, Fault(page="<html>Unicorn!</html>")) for request, method in [(READ, "GET"), (LIST, "GET"), (EDIT, "PATCH")]),
    ],
)
def test_transient_errors_are_retried(github: StandIn, request_: str, method: str, fault: Fault) -> None:
    """Reads, edits and deletions are retried; the third attempt succeeds after two failures."""
    github.add_comment(f"{OLD}\nfirst", BOT)
    github.add_comment(f"{OLD}\nsecond", BOT)
    github.fail(request_, fault, fault)
    time = FakeTime()

    result = converge(github, time=time)

    assert result.line == "comment updated on #17"
    assert github.written() == [posting().body]
    assert github.count(method) >= 3
    assert time.wait_forever == (0.5, 1.0)


@pytest.mark.parametrize("fault", [Fault("bad_gateway"), Fault(silent=True), Fault(page="<html>Unicorn!</html>"), Fault(page="{broken")])
def test_a_failed_creation_is_repeated_after_listing(github: StandIn, fault: Fault) -> None:
    """The comments are listed again before the second POST."""
    github.fail(CREATE, fault)

    converge(github)

    assert github.written() == [posting().body]
    assert [request.split()[0] for request in github.requests] == ["GET", "POST", "GET", "POST", "GET"]


@pytest.mark.parametrize(
    "fault",
    [Fault(silent=True, effect=True), Fault("bad_gateway", effect=True), Fault(page="<html>Unicorn!</html>", effect=True)],
)
def test_a_creation_with_a_lost_reply_is_not_repeated(github: StandIn, fault: Fault) -> None:
    """The new listing finds a comment whose creation reply was lost, so it is not created twice."""
    github.fail(CREATE, fault)

    result = converge(github)

    assert result.line == "the comment is up to date"
    assert github.written() == [posting().body]
    assert github.count("POST") == 1


def test_a_comment_deleted_during_editing_is_created_again(github: StandIn) -> None:
    """A comment deleted between reading and editing is created again."""
    github.add_comment(f"{OLD}\nold", BOT)
    github.fail(EDIT, Fault("not_found"))
    github.fail(LIST, Fault(effect=True))
    time = FakeTime()
    pause = time.pause

    def delete_meanwhile(seconds: float) -> None:
        github.comments.clear()
        pause(seconds)

    with github.api() as api:
        result = Conversation(api, posting(), Deadline.after(45, time.clock), delete_meanwhile).converge()

    assert result.line == "comment created on #17"
    assert github.written() == [posting().body]


def test_writes_are_a_pause_apart(github: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub refuses writes that follow each other quickly."""
    monkeypatch.setattr("kindgate.github.client.WRITE_PAUSE", 0.3)
    with github.api() as api:
        api.create(17, "first")
        begun = monotonic()
        api.create(17, "second")

    assert monotonic() - begun > 0.25


def test_a_wait_within_the_deadline_is_honored(github: StandIn) -> None:
    """A secondary limit with `Retry-After: 25` leaves 20 of 45 seconds, so the call is retried."""
    github.fail(CREATE, Fault("secondary_limit", headers={"Retry-After": "25"}))
    time = FakeTime()

    converge(github, time=time)

    assert time.wait_forever == (25.0,)
    assert github.written() == [posting().body]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("secondary_limit"),
        Fault("secondary_limit", headers={"Retry-After": "soon"}),
        Fault("read_only_token", headers={"Retry-After": "3600"}),
        Fault("primary_limit", headers={"X-RateLimit-Reset": "9999999999"}),
    ],
)
@pytest.mark.parametrize("request_", [READ, LIST, EDIT])
def test_a_wait_beyond_the_deadline_fails_immediately(github: StandIn, fault: Fault, request_: str) -> None:
    """`Retry-After: 3600`, a limit without a time and an exhausted quota fail without waiting."""
    github.add_comment(f"{OLD}\nold", BOT)
    github.fail(request_, fault)
    time = FakeTime()

    with pytest.raises(GitHubError, match="GitHub asks to wait"):
        converge(github, time=time)

    assert time.wait_forever == ()


def test_an_outage_ends_at_the_deadline(github: StandIn) -> None:
    """Waits double until the deadline, and the error includes the last response."""
    github.fail(READ, *[Fault("bad_gateway")] * 20)
    time = FakeTime()

    with pytest.raises(WaitTimeout, match="Server Error"):
        converge(github, time=time)

    assert time.wait_forever == (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 13.5)


def test_an_error_after_the_comment_was_written_is_a_warning(github: StandIn) -> None:
    """A failing search for duplicates is a warning, because the comment exists."""
    github.fail(LIST, *[Fault("bad_gateway")] * 20)

    result = converge(github)

    assert result.line == "comment created on #17"
    assert "but then" in result.warnings[0]


def test_a_lagging_replica_causes_no_second_comment(github: StandIn) -> None:
    """The reply to the POST is trusted over a list that does not include the new comment yet."""
    original: Callable[..., object] = github._list_comments
    calls: list[int] = []

    def lagging(query: dict[str, str], body: dict[str, object], number: str) -> object:
        calls.append(1)
        comments, github.comments = github.comments, []
        try:
            return original(query, body, number)
        finally:
            github.comments = comments

    github._list_comments = lagging  # type: ignore[assignment, method-assign]  # the replica behind this one server

    converge(github)

    assert calls
    assert github.count("POST") == 1


def test_a_comment_by_another_author_is_a_warning(github: StandIn) -> None:
    """With an App's token, the next run would look for comments by another author."""
    github.author = "shop-app[bot]"

    result = converge(github)

    assert "shop-app[bot]" in result.warnings[0]
    assert "--github-author" in result.warnings[0]
    assert github.count("POST") == 1
