"""Loading an archive into every node, and checking the images of each afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kindgate.errors import ImageError
from kindgate.images.node_import import load_archive, loaded_names
from kindgate.waiting import Deadline

NAMES = ("registry.local/one:1", "registry.local/two:2")


def imports(stand_in: Any) -> int:
    """Return how often an archive was sent to a node."""
    return sum(call[0] == "exec" and any(" import " in option for option in call) for call in stand_in.calls())


def test_every_node_gets_every_image(stand_in: Any, oci_archive: Path, deadline: Deadline) -> None:
    """Afterwards every node has every name."""
    load_archive(stand_in.engine, ["control-plane", "worker"], oci_archive, NAMES, deadline)

    for node in ("control-plane", "worker"):
        assert loaded_names(stand_in.engine, node, deadline) == frozenset(NAMES)


def test_a_node_with_the_same_archive_is_skipped(stand_in: Any, oci_archive: Path, deadline: Deadline) -> None:
    """A kept cluster's nodes are skipped, except those that lost an image."""
    load_archive(stand_in.engine, ["worker"], oci_archive, NAMES, deadline)
    first_calls = imports(stand_in)
    load_archive(stand_in.engine, ["worker"], oci_archive, NAMES, deadline)

    assert (first_calls, imports(stand_in)) == (1, 1)

    (stand_in.folder / "node-worker").unlink()
    load_archive(stand_in.engine, ["worker"], oci_archive, NAMES, deadline)

    assert imports(stand_in) == 2


def test_each_node_of_a_fresh_cluster_gets_one_command(stand_in: Any, oci_archive: Path, deadline: Deadline) -> None:
    """A fresh cluster's nodes are empty, so they are not checked first."""
    load_archive(stand_in.engine, ["control-plane", "worker"], oci_archive, NAMES, deadline, is_new_cluster=True)

    assert imports(stand_in) == 2
    assert sum(call[0] == "exec" for call in stand_in.calls()) == 2


def test_a_node_without_an_image_after_the_import_is_an_error(stand_in: Any, oci_archive: Path, deadline: Deadline) -> None:
    """An import that succeeds but omits an image is an error."""
    with pytest.raises(ImageError, match="node worker") as caught:
        load_archive(stand_in.engine, ["worker"], oci_archive, [*NAMES, "registry.local/three:3"], deadline, settle_seconds=0)

    assert "registry.local/three:3" in caught.value.last_state


def test_a_failing_node_is_named_with_its_output(stand_in: Any, oci_archive: Path, deadline: Deadline) -> None:
    """The error includes the importer's message."""
    with pytest.raises(ImageError, match="node broken") as caught:
        load_archive(stand_in.engine, ["fine", "broken"], oci_archive, NAMES, deadline)

    assert "no space left on device" in caught.value.last_state
