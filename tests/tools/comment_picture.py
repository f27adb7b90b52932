"""Render a picture of a real run's comment: `python -m tests.tools.comment_picture REPORT.json PICTURE.png MODULES [HEIGHT]`.

The report passes through the publisher to the stand-in for GitHub, and the posted comment is rendered as on GitHub: by
the npm packages `mermaid` and `github-markdown-css`, unpacked in the folder MODULES, in Debian's chromium.
"""

from __future__ import annotations

import html
import re
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

from kindgate.github.publication import Request
from kindgate.github.publish import publish_run
from kindgate.host.command import run
from kindgate.report.run_report import RunReport
from kindgate.settings import GitHubSettings
from kindgate.waiting import Deadline
from tests.unit.github.standin import StandIn, document, serving
from tests.unit.github.test_artifact import packed

WIDTH = 920
"""Width of a comment on GitHub, in pixels; the picture has the requested height."""

SECONDS = 60.0

PAGE = """<!doctype html><meta charset="utf-8"><style>{css}</style><style>
body {{ margin: 16px; background: #fff; font-family: sans-serif }}
.box {{ border: 1px solid #d1d9e0; border-radius: 6px }}
.who {{ background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px; font-size: 14px; color: #59636e }}
.markdown-body {{ padding: 16px }}
.markdown-body table {{ font-size: 13px }}
</style><div class="box"><div class="who"><b>github-actions</b> bot commented</div>
<article class="markdown-body">{body}</article></div>
<script src="{mermaid}"></script><script>mermaid.initialize({{startOnLoad: true, xyChart: {{width: 800, height: 260}}}})</script>"""


def posted(report: RunReport) -> str:
    """The comment that the publishing workflow writes for a report, without its marker."""
    with serving(StandIn()) as github:
        github.pull["head"] |= document("events", "pull_request_fork")["pull_request"]["head"]
        github.run["conclusion"] = "success" if report.exit_code == 0 else "failure"
        github.upload("kindgate-report-e2e-1", packed(("report.json", report.model_dump_json().encode())))
        github.upload("kindgate-page-e2e-1.html", b"<html>")
        publish_run(Request(9001), GitHubSettings(id="e2e"), github.environment | {"GITHUB_EVENT_NAME": "workflow_run"})
        (body,) = github.written()
    return body.partition("\n")[2]


def page(markdown: str, modules: Path) -> str:
    """The comment as an HTML page."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    body = re.sub(r'<pre><code class="language-mermaid">(.*?)</code></pre>', r'<pre class="mermaid">\1</pre>', body, flags=re.DOTALL)
    css = next(modules.glob("github-markdown-css*/github-markdown-light.css")).read_text()
    mermaid = next(modules.glob("mermaid*/dist/mermaid.min.js")).resolve().as_uri()
    return PAGE.format(css=css, body=body, mermaid=html.escape(mermaid))


def draw(report: Path, picture: Path, modules: Path, height: int) -> None:
    """Write the picture; raises `CommandError` if chromium fails."""
    text = page(posted(RunReport.model_validate_json(report.read_bytes())), modules)
    with tempfile.TemporaryDirectory(prefix="kindgate-picture-") as name:
        file = Path(name) / "comment.html"
        file.write_text(text)
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--virtual-time-budget=10000", f"--user-data-dir={name}/profile"]
        where = [f"--window-size={WIDTH},{height}", f"--screenshot={picture.resolve()}", file.as_uri()]
        run(["chromium", *options, *where], deadline=Deadline.after(SECONDS))


if __name__ == "__main__":
    given, drawn, packages = map(Path, sys.argv[1:4])
    draw(given, drawn, packages, height=int(sys.argv[4]) if len(sys.argv) > 4 else 1500)
