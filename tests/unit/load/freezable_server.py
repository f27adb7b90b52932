"""A server that answers everything with `foo`, for tests that stop it: run as a script, it prints its port."""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo"


class Answering(asyncio.Protocol):
    """Answers every request as soon as its head is there."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection's writing side."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """One answer per end of a head."""
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    """Serve until killed; the backlog holds whoever comes while the process is stopped."""
    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
