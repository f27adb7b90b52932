"""The engine's own store of images, as far as this room needs it."""

from __future__ import annotations

from kindgate.host.engine import Engine
from kindgate.waiting import Deadline


def has_image(engine: Engine, name: str, deadline: Deadline) -> bool:
    """Whether the engine holds an image of that name now."""
    return engine.run("image", "inspect", "--format", "{{.Id}}", name, deadline=deadline, check=False).returncode == 0
