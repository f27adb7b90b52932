"""The fork server's imports, and the parts of the environment on which they depend."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.unit.forked.client import INTERPRETER_PREFIXES

CHECKOUT = Path(__file__).parents[3]

EXCLUDED = ("locust", "typer.rich_utils", "kindgate.load.locustfile", "kindgate.load.locust_recorder")
"""Modules that a fork imports itself: Locust patches the whole process, and typer's styling depends on the environment."""

THIRD_PARTY = (
    "detect_secrets.core.scan",
    "github",
    "jinja2",
    "jsonschema",
    "kubernetes.client",
    "kubernetes.config",
    "kubernetes.utils",
    "kubernetes_validate.utils",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "multiprocessing.connection",
    "psutil",
    "pycurl",
    "requests",
    "rich.console",
    "rich.table",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "trustme",
    "typer.testing",
    "xdist.remote",
    "yaml",
)
"""Modules that kindgate and pytest import lazily."""

TERMINAL = ("COLUMNS", "LINES")
"""Variables that readline sets without Python's knowledge."""

IGNORED = frozenset({"HOME", "PATH", "TMPDIR", *TERMINAL})
IGNORED_PREFIXES = ("PYTEST_", "XDG_")
"""Variables, and prefixes of variables, that are read during imports but do not change the imported modules."""


class _Importing:
    """Imports everything while pytest's import hook is active, as in a run that loads plugins."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self) -> int:
        """Import instead of running tests."""
        for name in (*_modules_of("kindgate"), *_modules_of("detect_secrets.plugins"), *THIRD_PARTY):
            importlib.import_module(name)
        return 0


def _modules_of(package: str) -> list[str]:
    """Return all modules of a package except those that a fork imports itself."""
    modules = pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.")
    return [module.name for module in modules if module.name not in EXCLUDED and not module.name.endswith("__main__")]


def preload() -> dict[str, str | None]:
    """Import what tests run; return the environment variables that it depends on, with None for unset ones."""
    read: set[str | bytes] = set()  # starting a program by its name reads b"PATH"

    class RecordingEnvironment(os._Environ[str]):
        """Records which variables are read."""

        def __getitem__(self, key: str) -> str:
            read.add(key)
            return super().__getitem__(key)

    original = type(os.environ)
    os.environ.__class__ = RecordingEnvironment
    try:
        with tempfile.TemporaryDirectory() as empty:
            os.chdir(empty)
            code = pytest.main(["-p", "no:locust", "-p", "no:cacheprovider", "--rootdir", empty], [_Importing()])
            os.chdir("/")
    finally:
        os.environ.__class__ = original
    if code:
        sys.exit(f"importing ended with {code}")
    for name in [name for name in sys.modules if name in EXCLUDED or name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    return {name: os.environ.get(name) for name in read - IGNORED if isinstance(name, str) and not name.startswith(IGNORED_PREFIXES)}


def facts(address: str, environment: dict[str, str | None]) -> dict[str, object]:
    """Return the facts that clients need."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-P", "-c", "import sys; print('\\n'.join(sys.path))"]
    path = subprocess.run(command, env=inherited, check=True, capture_output=True, text=True).stdout.splitlines()
    spec = importlib.machinery.PathFinder.find_spec("kindgate", path)
    return {
        "python": sys.executable,
        "socket": address,
        "checkout": str(CHECKOUT),
        "installed": str(Path(spec.origin).parents[1]) if spec and spec.origin else "",
        "path": path,
        "packages": frozenset(name.partition(".")[0] for name in sys.modules) - {"__main__"},
        "environment": environment | {name: value for name, value in inherited.items() if name.startswith(INTERPRETER_PREFIXES)},
    }
