"""A Python whose `-m venv` copies a prepared environment with kindgate installed.

Our action's commands run unchanged; only pip is a stand-in, because everything that it would install is already there.
Each job has a separate environment, so a suite that overwrites it does not affect other jobs. Large packages are shared
by links, except for kindgate, pytest and their main dependencies.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
_LARGE = frozenset({"kubernetes", "kubernetes_validate", "matplotlib", "numpy", "scipy", "fontTools", "PIL", "pygments"})
_PIP = '''"""A stand-in for pip: what is asked for is installed already."""
import sys

if sys.argv[1] == "install":
    for index, argument in enumerate(sys.argv):
        if argument == "--requirement":
            open(sys.argv[index + 1]).close()
elif sys.argv[1] != "freeze":
    sys.exit(f"pip {sys.argv[1]}: not played")
'''
_PYTHON = """#!/bin/bash
if [ "$1 $2" = "-m venv" ]; then exec cp -a "{template}" "$3"; fi
exec "{python}" "$@"
"""
_SCRIPT = """#!/bin/sh
exec "$(dirname "$(readlink -f "$0")")/python" -P -c "{code}" "$@"
"""
_SCRIPTS = {
    "kindgate": "import sys; from kindgate.cli import main; sys.argv[0] = 'kindgate'; sys.exit(main())",
    "pytest": "import sys; from pytest import main; sys.argv[0] = 'pytest'; sys.exit(main())",
}


def provide_python(folder: Path) -> Path:
    """Create the environment below `folder`; return the folder with `python`, for actions/setup-python."""
    template = folder / "template"
    packages = template / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    for entry in _installed(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]):
        _provide(entry, packages / entry.name)
    _install_this_checkout(packages, folder / "wheel")
    (packages / "pip").mkdir()
    (packages / "pip/__main__.py").write_text(_PIP)
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    (template / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    scripts = template / "bin"
    scripts.mkdir()
    (scripts / "python").symlink_to(base)
    for name, code in _SCRIPTS.items():
        _program(scripts / name, _SCRIPT.format(code=code))
    (folder / "bin").mkdir()
    _program(folder / "bin/python", _PYTHON.format(template=template, python=base))
    return folder / "bin"


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def _provide(entry: Path, target: Path) -> None:
    if target.exists():
        return
    if entry.name in _LARGE or entry.name.endswith(".libs"):
        target.symlink_to(entry)
    elif entry.is_dir():
        shutil.copytree(entry, target, symlinks=True)
    else:
        shutil.copy2(entry, target)


def _installed(requirements: list[str]) -> set[Path]:
    """Everything in site-packages from the required distributions and their dependencies."""
    seen: set[str] = set()
    paths: set[Path] = set()
    todo = list(requirements)
    while todo:
        requirement = Requirement(todo.pop())
        key = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if key in seen or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        package = distribution(key)
        tops = {file.parts[0] for file in package.files or () if file.parts[0] not in {"..", "__pycache__"}}
        paths |= {Path(str(package.locate_file(top))) for top in tops}
        todo += package.requires or ()
    return {path for path in paths if path.exists()}


def _install_this_checkout(packages: Path, folder: Path) -> None:
    """Build the wheel of this checkout, unpack it, and compile it as pip does."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, timeout=300, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(packages / "kindgate")], check=True, timeout=300)
