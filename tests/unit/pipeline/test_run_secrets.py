"""A run's redactor can be requested at any moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

from kindgate.pipeline.run_secrets import RunSecrets, SecretSources

NONE = SecretSources()


class Interrupted(Mapping[str, str]):
    """An environment that is interrupted, while it is read for the first time, by code that redacts a line of its own."""

    def __init__(self) -> None:
        self.secrets = RunSecrets(self)
        self.nested = ""

    def __getitem__(self, name: str) -> str:
        """The value of any variable."""
        return f"canary-{name}"

    def __iter__(self) -> Iterator[str]:
        """The names, after the interruption."""
        if not self.nested:
            self.nested = "interrupted"
            self.nested = self.secrets.redactor(NONE).text("canary-TOKEN")
        return iter(["TOKEN"])

    def __len__(self) -> int:
        """One variable."""
        return 1


def test_a_signal_handler_that_prints_does_not_block_the_redaction_it_interrupts() -> None:
    """Log records and the terminal use the same redactor, and a handler runs in the middle of either."""
    environment = Interrupted()
    texts: list[str] = []
    thread = threading.Thread(target=lambda: texts.append(environment.secrets.redactor(NONE).text("canary-TOKEN")), daemon=True)
    thread.start()
    thread.join(20)

    assert (texts, environment.nested) == (["[redacted]"], "[redacted]")
