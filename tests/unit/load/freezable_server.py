"""A server for tests that stop it: it answers everything with `foo` and records the time of every answer.

Run as a script, it prints its port; on SIGTERM it prints the times, as nanoseconds of `time.monotonic_ns`, and exits.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo"


class Answering(asyncio.Protocol):
    """Answers every request as soon as its head has arrived."""

    moments: list[int]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection's transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Send one answer per end of a head."""
        count = data.count(b"\r\n\r\n")
        self.transport.write(ANSWER * count)
        self.moments += [time.monotonic_ns()] * count


async def serve() -> None:
    """Serve until told to end; the backlog holds clients that connect while the process is stopped."""
    Answering.moments = []
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await loop.create_server(Answering, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await over.wait()
    sys.stdout.write(json.dumps(Answering.moments))


if __name__ == "__main__":
    asyncio.run(serve())
