"""The kinds of failed requests, as the tag `kind` names them."""

from __future__ import annotations

UNSENT = "unsent"
"""A request that was never sent because no slot for it came free."""

NETWORK_KINDS = frozenset({"connect", "dns", "tls", "reset", "retried"})
"""What the tag `kind:network` stands for."""

WRONG_ANSWERS = frozenset({"http", "check"})
"""Failures of requests that were answered, by status or by body: no lack of CPU time explains them."""

FAILURE_KINDS = frozenset({"http", "timeout", "check", "unanswered", UNSENT}) | NETWORK_KINDS
"""Every kind that a series of requests counts."""
