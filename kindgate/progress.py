"""The receiver of progress lines that slow steps report to."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], object]
"""Called with one line for each change that a person would want to see; possibly from another thread."""
