"""`make matrix`: test the supported platforms, one cell after the other, and write docs/support.md.

    python -m tests.matrix [--only PATTERN ...] [--list]

`--only "Python 3.13*"` tests some cells; the others keep their rows. Exits with 1 if a tested cell failed.
"""

from __future__ import annotations

import argparse
import fnmatch
import shutil
import sys
import tempfile
from pathlib import Path

from tests.matrix import hosts, pythons, registries
from tests.matrix.cell import State, run_cell
from tests.matrix.table import PAGE, add_row, page


def report(text: str) -> None:
    """Print progress or a row, unbuffered."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> int:
    """Test the requested cells."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.matrix", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN", help="cells by name; repeatable")
    parser.add_argument("--list", action="store_true", help="name the cells and end")
    options = parser.parse_args()
    cells = [*pythons.cells(), *hosts.cells(), *registries.cells()]
    chosen = [cell for cell in cells if not options.only or any(fnmatch.fnmatch(cell.name, pattern) for pattern in options.only)]
    if options.list or not chosen:
        report("\n".join(cell.name for cell in (cells if options.list else ())) or f"no cell is called {', '.join(options.only)}")
        return 0 if options.list else 2
    order = [(cell.group, cell.name) for cell in cells]
    folder = Path(tempfile.mkdtemp(prefix="kindgate-matrix-"))
    failed = 0
    for number, cell in enumerate(chosen, start=1):
        report(f"[{number}/{len(chosen)}] {cell.name} ...")
        row = run_cell(cell, folder / f"{number}")
        rows = add_row(row, order, hosts.machine())
        PAGE.write_text(page(rows, hosts.machine()), encoding="utf-8")
        report(f"[{number}/{len(chosen)}] {cell.name}: {row.state} in {row.seconds:.0f} s: {row.text}")
        failed += row.state == State.FAIL
    if failed:
        report(f"{failed} of {len(chosen)} cells failed; their logs are in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
