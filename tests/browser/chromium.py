"""The local Chromium, driven by Playwright, without downloads or network access."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome")

FLAGS = (
    "--no-sandbox",  # CI containers run as root without user namespaces
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
SCREENS: dict[str, dict[str, Any]] = {
    "light": DESKTOP | {"color_scheme": "light"},
    "dark": DESKTOP | {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True},
}
"""Browser context options of each screen."""


def executable() -> str:
    """The path of Chromium: `KINDGATE_CHROMIUM`, or found on PATH; raises `FileNotFoundError` with the remedy."""
    named = os.environ.get("KINDGATE_CHROMIUM")
    found = named or next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise FileNotFoundError(
            "there is no Chromium: `make browser` installs it as root on Debian; elsewhere set KINDGATE_CHROMIUM to its path"
        )
    return found


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser with an empty, temporary profile."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  # installed only by `make browser`

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
