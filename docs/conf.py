"""Settings of the documentation site, which `make docs` builds with Sphinx; external links are checked by `make links`."""

from __future__ import annotations

project = "kindgate"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "kindgate"
html_copy_source = False
html_show_copyright = False
nitpicky = True

# Links such as slo.md#invalid work on the site as they do on GitHub.
myst_heading_anchors = 4

# GitHub renders anchors in the browser, and rejects clients that read many pages quickly.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/.*"]
linkcheck_ignore = [r"http://127\.0\.0\.1.*", r"https://github\.com/OWNER/.*"]
linkcheck_timeout = 30
linkcheck_retries = 3
