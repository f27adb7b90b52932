"""The application meets its objectives under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Slo


pytestmark = [pytest.mark.e2e]


@pytest.mark.slo
def test_the_objectives_of_the_file_are_met(slo: Slo) -> None:
    """The file is tests/e2e/slo.yaml, or the one of --slo-file."""
    slo.check()
