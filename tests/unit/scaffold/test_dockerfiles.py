"""A Dockerfile's copied and exposed parts are read as in a build."""

from __future__ import annotations

import pytest

from kindgate.scaffold.dockerfiles import copied_sources, exposed_port


@pytest.mark.parametrize(
    ("text", "target", "port"),
    [
        ("FROM scratch\nEXPOSE 8080\n", "", 8080),
        ("from scratch\nexpose 53/udp 8000/tcp # both\n", "", 8000),
        ("FROM a\nARG PORT=3000\nENV X=1 HTTP=$PORT\nEXPOSE ${PORT}\n", "", 3000),
        ("FROM a\nENV PORT 4000\nEXPOSE $PORT\n", "", 4000),
        ("FROM a\nEXPOSE ${PORT:-5000}\n", "", 5000),
        ("FROM a\nEXPOSE $UNKNOWN\n", "", None),
        ("FROM a AS build\nEXPOSE 1\nFROM b\nCOPY --from=build x y\n", "", None),
        ("FROM a AS base\nEXPOSE 9000\nFROM --platform=linux/amd64 Base AS run\n", "", 9000),
        ("FROM a AS dev\nEXPOSE 1000\nFROM b AS run\nEXPOSE 2000\n", "DEV", 1000),
        ("FROM a AS a\n", "", None),
        ("", "", None),
    ],
)
def test_the_port_is_that_of_the_built_stage(text: str, target: str, port: int | None) -> None:
    """Earlier stages count only if the built stage is based on them."""
    assert exposed_port(text, target) == port


def test_copied_sources_are_those_from_the_context() -> None:
    """Files copied from other stages, URLs and variables are not part of the context."""
    text = 'FROM a\nCOPY --chown=1:1 src/ \\\n  ./lib /app\nCOPY ["a b", "/x"]\nCOPY --from=a z /z\nADD https://x/y $V .\n'

    assert list(copied_sources(text)) == ["src", "lib", "a b"]
