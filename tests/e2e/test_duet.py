"""The application is no slower than the version given by --slo-base: `pytest -m e2e -k duet --slo-base origin/main`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kindgate import Duet


@pytest.mark.e2e
def test_no_slower_than_the_baseline(duet: Duet) -> None:
    """Side by side under the same load, this version meets slo.yaml's `compare:`."""
    duet.check()
