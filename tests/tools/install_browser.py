"""Install the system packages missing for `make browser`, as root on Debian or Ubuntu."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from tests.browser.chromium import executable

PACKAGES = {"java": "default-jre-headless", "npm": "npm"}
"""Programs and the Debian packages that provide them; java and npm are for the HTML checker."""


def missing_packages() -> list[str]:
    """The Debian packages of the missing programs."""
    packages = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    try:
        executable()
    except FileNotFoundError:
        packages.append("chromium")
    return packages


def main() -> int:
    """Install missing packages; return 1 after printing the next step if that is impossible."""
    packages = missing_packages()
    if not packages:
        return 0
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        sys.stderr.write(
            f"make browser needs {', '.join(packages)}: install them, or run it as root on Debian; KINDGATE_CHROMIUM may name a browser\n"
        )
        return 1
    sys.stderr.write(f"installing {', '.join(packages)}\n")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
