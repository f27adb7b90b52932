"""Progress is shown at once, whoever writes it."""

from __future__ import annotations

import pytest

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
    """Images are made ready beside the cluster: both are told, though pytest captures what a fixture writes."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(SUITE)

    result = pytester.runpytest_subprocess()

    assert result.stdout.str().count("at work") == 800
