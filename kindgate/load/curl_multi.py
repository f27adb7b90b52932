"""libcurl's multi interface in two variants: one for many idle requests, one for few busy ones.

`EventTransfers` asks epoll which sockets have news and has libcurl handle only those: its cost does not grow with the
number of unanswered requests, and it is not limited to 1,024 descriptors. `SweepingTransfers` has libcurl check every
request in each turn: cheaper while most of them have news, and portable. Both wait with select(2), whose timeout has
microsecond resolution (epoll's: milliseconds).
"""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Callable
from typing import Protocol

import pycurl

SWEEP_LIMIT = 512
"""Requests in flight up to which every request is checked in each turn: select(2) is limited to 1,024 descriptors."""

_BATCH = 1024

Finished = tuple[list[pycurl.Curl], list[tuple[pycurl.Curl, int, str]]]
"""Handles that got a response, and handles that failed, with libcurl's error and message."""


class MultiTransfers(Protocol):
    """Requests in flight, and connections that outlive them."""

    opened: int
    """Number of connections opened so far."""

    def on_socket(self, descriptor: int, purpose: int) -> int:
        """Called for each socket that a request opens (libcurl's SOCKOPTFUNCTION)."""

    add: Callable[[pycurl.Curl], object]
    """Start a request; the next `drive` sends it."""

    remove: Callable[[pycurl.Curl], object]
    """Remove a request, ended or not."""

    def drive(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for news, and let libcurl process it; return whether there was any."""

    def finished(self) -> Finished:
        """Requests that ended since the last call."""

    def keep(self, connections: int) -> None:
        """Keep this many connections open for later requests."""

    def close(self) -> None:
        """Close all connections."""


class _Multi:
    """Common base: the multi handle that owns the connections."""

    def __init__(self) -> None:
        self.opened = 0
        self.multi = pycurl.CurlMulti()
        self.add: Callable[[pycurl.Curl], object] = self.multi.add_handle
        self.remove: Callable[[pycurl.Curl], object] = self.multi.remove_handle

    def keep(self, connections: int) -> None:
        """Keep this many connections open for later requests."""
        self.multi.setopt(pycurl.M_MAXCONNECTS, connections)

    def on_socket(self, descriptor: int, purpose: int) -> int:  # noqa: ARG002  # libcurl's signature
        """Count a new connection."""
        self.opened += 1
        return int(pycurl.SOCKOPT_OK)

    def finished(self) -> Finished:
        """Requests that ended since the last call."""
        queued, answered, failed = self.multi.info_read(_BATCH)
        while queued:
            queued, more_answered, more_failed = self.multi.info_read(_BATCH)
            answered += more_answered
            failed += more_failed
        return answered, failed

    def close(self) -> None:
        """Close all connections."""
        self.multi.close()


class SweepingTransfers(_Multi):
    """Checks every request in each turn."""

    def drive(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds for news, and let libcurl process it; return whether there was any."""
        due = self.multi.timeout()
        if due != 0 and timeout > 0:
            self.multi.select(timeout if due < 0 else min(timeout, due / 1000))
        self.multi.perform()
        return True


if sys.platform == "linux":
    _EDGES = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET

    class EventTransfers(_Multi):
        """Checks only requests with news.

        A socket is registered once, when opened, for edges in both directions; closing it unregisters it. No system call
        per request is needed.
        """

        def __init__(self) -> None:
            super().__init__()
            self._epoll = select.epoll()
            self._descriptors: set[int] = set()
            self.multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_interest)

        def on_socket(self, descriptor: int, purpose: int) -> int:
            """Count a new connection, and register it."""
            self._descriptors.add(descriptor)
            self._epoll.register(descriptor, _EDGES)
            return super().on_socket(descriptor, purpose)

        def drive(self, timeout: float) -> bool:
            """Wait at most `timeout` seconds for news, and let libcurl process it; return whether there was any."""
            due = self.multi.timeout()
            if due != 0 and timeout > 0:
                select.select([self._epoll], [], [], timeout if due < 0 else min(timeout, due / 1000))
            events = self._epoll.poll(0)
            for descriptor, news in events:
                self.multi.socket_action(descriptor, _select_bits(news))
            expired = due == 0 or self.multi.timeout() == 0
            if expired:
                self.multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
            return expired or bool(events)

        def close(self) -> None:
            """Close all connections."""
            super().close()
            self._epoll.close()

        def _on_interest(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
            """Also register libcurl's internal sockets (its resolver's), which no request announces."""
            if descriptor in self._descriptors:
                return
            if what == pycurl.POLL_REMOVE:
                self._epoll.unregister(descriptor)
            else:
                with contextlib.suppress(FileExistsError):
                    self._epoll.register(descriptor, _EDGES)

    def _select_bits(news: int) -> int:
        """The epoll events as libcurl flags; 0 lets libcurl check for itself."""
        if news & (select.EPOLLERR | select.EPOLLHUP):
            return 0
        return (pycurl.CSELECT_IN if news & select.EPOLLIN else 0) | (pycurl.CSELECT_OUT if news & select.EPOLLOUT else 0)


def suitable_multi(in_flight: int, *, busy: bool) -> type[MultiTransfers]:
    """The variant that suits up to `in_flight` requests; `busy` means that most of them will have news in each turn."""
    if sys.platform == "linux" and not (busy and in_flight <= SWEEP_LIMIT):
        return EventTransfers
    return SweepingTransfers
