"""Running other programs: results, errors, deadlines, and no process left behind."""

from __future__ import annotations

import logging
import re
import shlex
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kindgate.errors import CommandError, CommandFailed, CommandNotFound, CommandTimeout
from kindgate.host.command import COMMAND_LIMIT, format_command, pipe, run
from kindgate.redaction.known_values import KnownValue
from kindgate.redaction.redactor import Redactor
from kindgate.waiting import Deadline, Pending, Ready, wait_for

PYTHON = sys.executable


def soon(seconds: float = 20.0) -> Deadline:
    """A deadline that is not reached in these tests."""
    return Deadline.after(seconds)


def test_stdout_and_stderr_are_kept_apart() -> None:
    """Callers parse stdout, so a warning on stderr must not be mixed in."""
    completed = run(["sh", "-c", "echo out; echo err >&2"], deadline=soon())
    assert (completed.stdout, completed.stderr, completed.returncode) == ("out\n", "err\n", 0)


@pytest.mark.parametrize("content", ["ä text", "ä text".encode()])
def test_input_is_passed_on_standard_input(content: str | bytes) -> None:
    """Input is passed on standard input, as kubectl reads manifests."""
    assert run(["cat"], input=content, deadline=soon()).stdout == "ä text"


def test_a_file_is_streamed_as_input(tmp_path: Path) -> None:
    """A large archive is passed to the program as a file, not read into memory."""
    archive = tmp_path / "archive"
    archive.write_bytes(b"x" * 1_000_000)
    assert run(["wc", "-c"], input=archive, deadline=soon()).stdout.strip() == "1000000"


def test_standard_input_is_empty_by_default() -> None:
    """A program that prompts gets the end of the file, so it cannot hang on a terminal."""
    assert run(["cat"], deadline=soon()).stdout == ""


def test_a_program_that_ignores_its_input_does_not_block() -> None:
    """Unread input that is larger than a pipe's buffer is no error."""
    assert run(["true"], input=b"x" * 1_000_000, deadline=soon()).returncode == 0


def test_output_can_go_to_a_file(tmp_path: Path) -> None:
    """Binary output is written unchanged, without decoding."""
    target = tmp_path / "out"
    with target.open("wb") as file:
        completed = run(["printf", r"\377\000\001"], output=file, deadline=soon())
    assert (target.read_bytes(), completed.stdout) == (b"\xff\x00\x01", "")


def test_variables_are_added_to_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables are added to the environment."""
    monkeypatch.setenv("KEPT", "kept")
    assert run(["sh", "-c", "echo $KEPT $ADDED"], env={"ADDED": "added"}, deadline=soon()).stdout == "kept added\n"


def test_the_working_folder_is_used(tmp_path: Path) -> None:
    """The program runs in the given folder, as `go build` requires."""
    assert run(["pwd", "-P"], cwd=tmp_path, deadline=soon()).stdout.strip() == str(tmp_path.resolve())


def test_each_complete_line_is_reported_once() -> None:
    """A line that arrives in two pieces is reported once, and so is a last line without a newline."""
    lines: list[str] = []
    script = (
        "import sys\nfor piece in ('on', 'e\\ntw', 'o\\nthree'):\n sys.stdout.write(piece); sys.stdout.flush()\nsys.stderr.write('four')"
    )
    run([PYTHON, "-c", script], on_line=lines.append, deadline=soon())
    assert sorted(lines) == ["four", "one", "three", "two"]
    assert lines.index("one") < lines.index("two") < lines.index("three")


def test_a_failure_has_the_exit_code_and_last_output() -> None:
    """The error has the command, its exit code and its last output."""
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "echo progress; echo 'no such node' >&2; exit 3"], deadline=soon())
    assert failed.value.returncode == 3
    assert "exit code 3" in str(failed.value)
    assert "no such node" in str(failed.value)
    assert failed.value.stdout == "progress\n"


def test_long_error_output_is_cut_to_its_end() -> None:
    """The cause is at the end of a log, so only the last lines are kept."""
    with pytest.raises(CommandFailed) as failed:
        run(["sh", "-c", "seq 1000 >&2; exit 1"], deadline=soon())
    assert failed.value.last_state.splitlines()[-1] == "1000"
    assert len(failed.value.last_state.splitlines()) == 20


def test_a_program_terminated_by_a_signal_is_a_failure() -> None:
    """The error names the signal, as for an out-of-memory kill."""
    with pytest.raises(CommandFailed, match="SIGKILL"):
        run(["sh", "-c", "kill -9 $$"], deadline=soon())


def test_an_unchecked_failure_is_returned() -> None:
    """With check=False the exit code is returned instead of raised."""
    assert run(["false"], check=False, deadline=soon()).returncode == 1


def test_a_missing_program_is_named() -> None:
    """The error names the missing program and the next step."""
    with pytest.raises(CommandNotFound, match=r"cannot run .*no-such-program") as missing:
        run(["no-such-program"], deadline=soon())
    assert "PATH" in missing.value.next_step


def test_a_non_executable_file_is_named(tmp_path: Path) -> None:
    """A tool that is not executable is distinguished from a missing one."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    with pytest.raises(CommandNotFound, match="Permission denied"):
        run([tool], deadline=soon())


def test_a_missing_working_folder_is_named_instead_of_the_program(tmp_path: Path) -> None:
    """The operating system reports both alike, but the error names the folder."""
    with pytest.raises(CommandError, match="is not a folder"):
        run(["true"], cwd=tmp_path / "absent", deadline=soon())


def test_a_deadline_ends_the_program_and_its_children() -> None:
    """A child that ignores SIGTERM is gone by the time the error is raised."""
    lines: list[str] = []
    script = "(trap '' TERM; exec sleep 300) & echo $!; wait"
    with pytest.raises(CommandTimeout) as late:
        run(["sh", "-c", script], on_line=lines.append, deadline=Deadline.after(0.5))
    assert_exited(int(lines[0]))
    assert lines[0] in late.value.last_state
    assert late.value.waited is not None
    assert late.value.waited >= 0.5


def test_a_deadline_quotes_the_last_lines() -> None:
    """The error has the program's last lines, which show where it hung."""
    with pytest.raises(CommandTimeout) as late:
        run(["sh", "-c", "seq 1000; sleep 300"], deadline=Deadline.after(0.3))
    assert late.value.last_state.splitlines()[-1] == "1000"
    assert len(late.value.last_state.splitlines()) == 20


def test_an_interrupt_terminates_the_program() -> None:
    """A ctrl-C while kind runs leaves no kind process behind."""
    started: list[int] = []

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", "echo ready; sleep 300"], on_start=started.append, on_line=interrupt, deadline=soon())
    assert_exited(started[0])


def test_a_daemon_that_keeps_the_pipe_open_does_not_hide_the_exit() -> None:
    """The result is returned when the program exits, even if a background child keeps the pipe open."""
    lines: list[str] = []
    deadline = soon()
    completed = run(["sh", "-c", "sleep 300 & echo $!"], on_line=lines.append, deadline=deadline)
    child = psutil.Process(int(lines[0]))
    child.kill()
    assert completed.returncode == 0
    assert not deadline.expired


def test_a_pipe_connects_two_programs() -> None:
    """Two programs are connected directly, as in `docker save | docker exec -i NODE ctr images import -`."""
    assert pipe(["printf", "a\nb\n"], ["wc", "-l"], deadline=soon()).stdout.strip() == "2"


@pytest.mark.parametrize(
    ("producer", "consumer", "output"),
    [
        ("echo part; echo 'no such image' >&2; exit 1", "cat >/dev/null; echo 'unexpected end' >&2; exit 2", "no such image"),
        ("yes", "echo 'no space left' >&2; exit 2", "no space left"),
        ("echo whole", "cat >/dev/null; echo 'bad archive' >&2; exit 2", "bad archive"),
        ("echo part; echo broken >&2; exit 1", "cat >/dev/null", "broken"),
    ],
)
def test_a_broken_pipe_is_reported_with_its_cause(producer: str, consumer: str, output: str) -> None:
    """Either end can fail first and break the other; the error names the original cause."""
    with pytest.raises(CommandFailed, match=output):
        pipe(["sh", "-c", producer], ["sh", "-c", consumer], deadline=soon())


def test_a_pipe_has_a_deadline_for_both_ends(tmp_path: Path) -> None:
    """Neither end of the pipe is running when the error is raised."""
    note = tmp_path / "pids"
    record_pid = f"echo $$ >> {note}; exec "
    with pytest.raises(CommandTimeout):
        pipe(["sh", "-c", f"{record_pid} yes"], ["sh", "-c", f"{record_pid} sleep 300"], deadline=Deadline.after(0.5))
    for pid in note.read_text().split():
        assert_exited(int(pid))


def test_a_missing_consumer_ends_the_producer() -> None:
    """If the second program does not exist, the first is terminated."""
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(CommandNotFound, match="no-such-program"):
        pipe(["sleep", "300"], ["no-such-program"], deadline=soon())
    assert {child.pid for child in psutil.Process().children()} == before


def test_a_command_is_formatted_for_a_shell() -> None:
    """Arguments with spaces are quoted, and the end of a long command is left out."""
    assert format_command(["echo", "two words"]) == "echo 'two words'"
    assert format_command(["echo", "x" * 150, "y" * 150, "z"]) == f"echo {'x' * 150} ..."


@given(st.lists(st.text(st.characters(exclude_characters="\0"), min_size=30, max_size=120), min_size=1, max_size=8))
def test_a_formatted_command_has_only_whole_arguments(argv: list[str]) -> None:
    """Half of a secret at the cut would not be recognized as one, and be shown."""
    formatted = format_command(argv)
    kept = shlex.split(formatted.removesuffix(" ..."))
    assert kept == argv[: len(kept)]
    assert kept == argv or (formatted.endswith(" ...") and len(formatted) <= max(COMMAND_LIMIT, len(shlex.quote(argv[0]))) + len(" ..."))


def test_an_error_shows_no_part_of_a_secret() -> None:
    """The redactor of the report masks a secret in whole, or the error does not have it."""
    secret = "".join(f"{number:02x}" for number in range(100))
    redactor = Redactor([KnownValue(secret, "the test")])
    for padding in range(100, 200, 25):
        with pytest.raises(CommandFailed) as caught:
            run(["false", "x" * padding, f"--value={secret}"], deadline=soon())
        assert secret[:8] not in redactor.text(str(caught.value))


def assert_exited(pid: int) -> None:
    """Fail if the process is still running; a zombie counts as ended."""

    def probe() -> Ready[None] | Pending:
        ended = not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        return Ready(None) if ended else Pending("it still runs")

    wait_for(f"process {pid} to be gone", probe, Deadline.after(5), interval=0.01)


def test_a_command_is_logged_with_its_exit_code_and_duration(caplog: pytest.LogCaptureFixture) -> None:
    """The start is logged too, so a command that hangs is visible."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        run(["sh", "-c", "exit 3"], deadline=soon(), check=False)

    start, end = caplog.records
    assert start.getMessage() == "starting sh -c 'exit 3'"
    assert re.fullmatch(r"sh -c 'exit 3': exit code 3 in \d+\.\d{3} s", end.getMessage())
    assert {(record.name, record.levelno) for record in caplog.records} == {("kindgate.host.command", logging.DEBUG)}


def test_a_terminated_command_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    """A command that reached its deadline has no exit code of its own."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"), pytest.raises(CommandTimeout):
        run(["sleep", "600"], deadline=soon(0.1))

    assert caplog.records[-1].getMessage().startswith("sleep 600: CommandTimeout in 0.")


def test_a_pipe_is_logged_once_with_both_exit_codes(caplog: pytest.LogCaptureFixture) -> None:
    """Its programs run at the same time, so they share one duration."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        pipe(["echo", "text"], ["cat"], deadline=soon())

    *_, end = caplog.messages
    assert end.startswith("echo text | cat: exit codes 0 and 0 in ")


def test_a_long_command_is_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    """Half of a known secret at the cut would not be recognized as one, and be shown."""
    with caplog.at_level(logging.DEBUG, logger="kindgate"):
        run(["true", "x" * 500], deadline=soon())

    assert all("x" * 500 in message for message in caplog.messages)
