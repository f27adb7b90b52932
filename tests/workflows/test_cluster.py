"""Whole workflows with a real cluster: one run of each kind of setup by `kindgate init`."""

from __future__ import annotations

import os

import pytest

from kindgate.host.container_engine import find_engine
from kindgate.host.paths import cache_dir
from kindgate.waiting import Deadline
from tests.player.machine import SYSTEM_PATH
from tests.workflows.shop import APPLICATION, Prepare, Shop, log_of

FASTER = APPLICATION.replace("-text=shop", "-text=faster")


@pytest.fixture(name="machine")
def _machine() -> dict[str, str]:
    """The environment of a machine with a container engine and this machine's cache."""
    engine = find_engine(Deadline.after(60))
    seed = {name: os.environ[name] for name in ("KINDGATE_IMAGE_SEED",) if name in os.environ}
    path = os.pathsep.join([str(engine.command.parent), SYSTEM_PATH, "/usr/local/go/bin"])
    return {**engine.environment, **seed, "KINDGATE_CACHE_DIR": str(cache_dir()), "PATH": path}


@pytest.mark.parametrize("arguments", [[], ["--sealed"]], ids=["plain", "sealed"])
def test_a_pull_request_passes_on_a_real_cluster(prepared: Prepare, machine: dict[str, str], arguments: list[str]) -> None:
    """A fresh repository gets a green status on a pull request after `kindgate init`."""
    shop: Shop = prepared(*arguments, **machine)
    head = shop.hub.commit({"k8s/shop.yaml": FASTER}, "faster")
    played = shop.hub.pull("faster", fork=True)
    print(log_of(played))

    assert shop.states(head) == ["pending", "success"]
    assert "PASS" in shop.comment()
    assert head[:7] in shop.comment()
