"""Progress appears immediately, from any thread."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from _pytest.terminal import TerminalReporter

from kindgate.plugin.terminal import Terminal

pytestmark = pytest.mark.usefixtures("forks")

SUITE = """
import sys
import threading

def test_two_threads(request):
    sys.setswitchinterval(1e-6)
    terminal = request.config.pluginmanager.get_plugin("kindgate.controller").terminal
    threads = [threading.Thread(target=lambda: [terminal.progress("at work") for _ in range(200)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_no_line_of_any_thread_ends_in_captured_output(pytester: pytest.Pytester) -> None:
    """Images are prepared while the cluster starts: both report progress, although pytest captures a fixture's output."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(SUITE)

    result = pytester.runpytest_subprocess()

    assert result.stdout.str().count("at work") == 800


def test_a_terminal_that_is_gone_fails_no_phase(pytester: pytest.Pytester) -> None:
    """A closed pipe does not end the pipeline that reports its progress."""
    config = pytester.parseconfig("-p", "no:locust")
    reading, writing = os.pipe()
    os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "w") as stream:
        config.pluginmanager.register(TerminalReporter(config, stream), "terminalreporter")
        terminal = Terminal(config)

        terminal.progress("at work")
        terminal.line("at work")
        terminal.section("kindgate", ["at work"])

        with pytest.raises(BrokenPipeError):
            print("at work", file=stream, flush=True)
