"""pytest-html's page stays pytest-html's, but shows kindgate's result and links to its report."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.usefixtures("forks")

CONFTEST = """
from kindgate.errors import ClusterError
from kindgate.pipeline.provisioner import Pipeline
from kindgate.plugin.controller import LazyPipeline

def reach(self, stage):
    if self.pipeline is None:
        self.pipeline = Pipeline(self._settings, self._run_id, self._terminal.progress)
        self.pipeline.error = ClusterError("<script>alert(1)</script> is not ready", next_step="look at <b>it</b>")
    raise self.pipeline.error

LazyPipeline.reach = reach
"""
SUITE = """
import pytest

@pytest.mark.e2e
def test_reaching(app):
    pass
"""


def test_pytest_htmls_page_has_the_results_and_a_link_to_the_report(pytester: pytest.Pytester) -> None:
    """The text is escaped, and the link works from another folder, even one with a space in its name."""
    pytester.makeconftest(CONFTEST)
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile(test_suite=SUITE)

    pytester.runpytest_subprocess("-m", "e2e", "--slo-file=none.yaml", "--html=pages/of pytest/index.html", "--artifacts=left over")

    page = (pytester.path / "pages" / "of pytest" / "index.html").read_text()
    summary = re.search(r'<div class="kindgate">.*?</div>', page, re.DOTALL)
    assert summary
    assert "SETUP FAILED" in summary[0]
    assert "&lt;script&gt;alert(1)&lt;/script&gt; is not ready" in summary[0]
    assert "look at &lt;b&gt;it&lt;/b&gt;" in summary[0]
    assert 'href="../../left%20over/report.html"' in summary[0]
    assert (pytester.path / "left over" / "report.html").is_file()


def test_a_run_without_a_cluster_does_not_touch_pytest_htmls_page(pytester: pytest.Pytester) -> None:
    """There is nothing to add."""
    pytester.makeini("[pytest]\naddopts = -p no:locust\n")
    pytester.makepyfile("def test_nothing(): pass")

    pytester.runpytest_subprocess("--html=index.html")

    page = (pytester.path / "index.html").read_text()
    assert "test_nothing" in page
    assert 'class="kindgate"' not in page
