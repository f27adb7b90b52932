"""Kinds of failed requests, as named by the tag `kind`."""

from __future__ import annotations

UNSENT = "unsent"
"""A request never sent because no slot became free."""

NETWORK_KINDS = frozenset({"connect", "dns", "tls", "reset", "retried"})
"""The kinds included in the tag `kind:network`."""

WRONG_ANSWERS = frozenset({"http", "check"})
"""Failures of requests that got a response, by status or body: no lack of CPU time explains them."""

FAILURE_KINDS = frozenset({"http", "timeout", "check", "unanswered", UNSENT}) | NETWORK_KINDS
"""Every kind counted in a series of requests."""
