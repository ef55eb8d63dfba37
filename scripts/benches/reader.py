"""A reader of tiles: N kept-alive connections that each ask for the next tile as soon as they have one.

Runs as a process of its own, in the peers' environment, the same for every server measured. Reads one JSON document
on stdin, writes one on stdout.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time

import uvloop

STATUS_AT = len("HTTP/1.1 ")
GOOD = {b"200", b"204"}


class Reader(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.buffer = b""
        self.asked_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first tile."""
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Ask for a tile drawn by lot."""
        if time.perf_counter() >= self.run.end:
            self.transport.close()
            return
        self.asked_at = time.perf_counter()
        self.transport.write(random.choice(self.run.requests))

    def data_received(self, data: bytes) -> None:
        """Count the answer once it is whole."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        lines = self.buffer[:head].lower()
        start = lines.find(b"content-length:")
        length = int(lines[start + 15 : (lines + b"\r\n").find(b"\r\n", start)]) if start >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        if self.buffer[STATUS_AT : STATUS_AT + 3] not in GOOD:
            self.run.faults += 1
        self.run.took_s.append(time.perf_counter() - self.asked_at)
        self.run.bytes += length
        self.buffer = b""
        self.ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's
        """Count a connection that the server gave up."""
        self.run.open -= 1
        if time.perf_counter() < self.run.end:
            self.run.faults += 1
        if self.run.open == 0:
            self.run.over.set()


class Run:
    """One measurement."""

    def __init__(self, order: dict[str, object]) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in order["headers"].items())
        host = f"{order['host']}:{order['port']}"
        self.requests = [f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode() for path in order["paths"]]
        self.order = order
        self.took_s: list[float] = []
        self.bytes = self.faults = 0

    async def go(self, seconds: float) -> None:
        """Read for so long."""
        self.took_s, self.bytes, self.faults = [], 0, 0
        self.open, self.over = self.order["connections"], asyncio.Event()
        self.begin = time.perf_counter()
        self.end = self.begin + seconds
        loop = asyncio.get_running_loop()
        for _ in range(self.open):
            await loop.create_connection(lambda: Reader(self), self.order["host"], self.order["port"])
        await self.over.wait()
        self.lasted = time.perf_counter() - self.begin


async def main() -> None:
    """Warm up, measure, tell."""
    run = Run(json.load(sys.stdin))
    random.seed(7)
    await run.go(run.order["warm_s"])
    await run.go(run.order["seconds"])
    took = sorted(run.took_s)
    told = {
        "per_s": len(took) / run.lasted,
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[int(len(took) * 0.99)],
        "bytes": run.bytes / len(took),
        "faults": run.faults,
    }
    json.dump(told, sys.stdout)


uvloop.run(main())
