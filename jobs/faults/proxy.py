"""A proxy in front of an S3 server that injects faults, on a schedule.

As a context manager in a test, or as a process of its own until it is interrupted:

```
python -m jobs.faults.proxy --target http://127.0.0.1:9000 --port 9001 --seed 1 \
    --slowdown 0.05 --reset 0.02 --truncate 0.02 --corrupt 0.05 --latency-ms 100 --deny 0.01
curl http://127.0.0.1:9001/_faults
```

Which fault a request meets depends on the seed, its method and target, and on how often that target
was requested before, not on the clock or on what else runs: the same seed gives the same faults.

Requests are forwarded byte for byte, with their Host header, since signatures cover both. Only
``Expect: 100-continue`` is answered by the proxy itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from .http import (
    Message,
    disable_linger,
    error_response,
    read_request,
    read_response,
    reset,
    text_response,
)

KINDS = ("slowdown", "deny", "reset", "lost", "stall", "truncate", "corrupt", "corrupt_upload")
"""Kinds of faults."""
STREAM_LIMIT_BYTES = 1 << 20
"""Longest line and head of a message, in bytes."""
COUNTERS_INTERVAL_S = 1.0
"""Seconds between two writes of the file of counters."""
_ERRORS = {
    "slowdown": ("503 Service Unavailable", "SlowDown", "Please reduce your request rate."),
    "deny": ("403 Forbidden", "AccessDenied", "Access Denied"),
}


@dataclass(frozen=True)
class Faults:
    """The share of requests, 0..1, that meet each fault, and the faults' parameters.

    Attributes:
        slowdown: 503 SlowDown.
        deny: 403 AccessDenied, which some servers send when they throttle.
        reset: the connection is reset before the request is carried out.
        lost: the request is carried out, then the connection is reset.
        stall: the first byte comes after ``stall_s`` seconds.
        truncate: the connection is reset in the middle of an object's bytes.
        corrupt: one byte of an object read is another one.
        corrupt_upload: one byte of an object written is another one.
        latency_ms: mean delay of every response, in milliseconds.
        stall_s: duration of a ``stall``, in seconds.
        streak: number of faults in a row after which a target's next request meets none.
    """

    slowdown: float = 0.0
    deny: float = 0.0
    reset: float = 0.0
    lost: float = 0.0
    stall: float = 0.0
    truncate: float = 0.0
    corrupt: float = 0.0
    corrupt_upload: float = 0.0
    latency_ms: float = 0.0
    stall_s: float = 5.0
    streak: int = 5


class FaultProxy:
    """The proxy: as a context manager it runs in a thread of its own."""

    def __init__(
        self, target: str, faults: Faults | None = None, seed: int = 0, port: int = 0
    ) -> None:
        """Choose the server behind, the faults and their seed."""
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._port = port
        self.faults = faults or Faults()
        self.seed = seed
        self.denied: set[str] = set()
        """HTTP methods that are always denied."""
        self.counts: Counter[str] = Counter()
        """Number of injected faults by kind."""
        self.requests: Counter[str] = Counter()
        """Number of requests by method and target (path without the query)."""
        self._request_numbers: Counter[str] = Counter()
        self._streaks: Counter[str] = Counter()
        self._script: deque[str | None] = deque()

    def script(self, kinds: Iterable[str | None]) -> None:
        """Give the next requests these faults in order; after them the rates hold again."""
        self._script = deque(kinds)

    def reset_counts(self) -> None:
        """Reset the counters, the rest of the script and what is denied."""
        for counter in (self.counts, self.requests, self._request_numbers, self._streaks):
            counter.clear()
        self._script.clear()
        self.denied.clear()

    @property
    def endpoint(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def report(self) -> dict[str, object]:
        """The counters and rates that ``/_faults`` shows."""
        return {
            "seed": self.seed,
            "rates": asdict(self.faults),
            "requests": sum(self.requests.values()),
            "faults": dict(self.counts),
        }

    def __enter__(self) -> FaultProxy:
        """Listen, in a thread."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self.listen(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def listen(self) -> asyncio.Server:
        """Start to listen; the port is chosen here if it was 0."""
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, limit=STREAM_LIMIT_BYTES
        )
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await read_request(reader, writer)) is not None:
                if request.target.startswith("/_faults"):
                    text = json.dumps(self.report)
                    writer.write(text_response("200 OK", "application/json", text).encode())
                else:
                    await self._exchange(request, writer)
                await writer.drain()
        except _Truncated:
            pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # asyncio's streams would report a task cancelled by the proxy's end as an error.
            writer.transport.abort()
        finally:
            writer.close()

    async def _exchange(self, request: Message, writer: asyncio.StreamWriter) -> None:
        """Pass one request on and its answer back."""
        fault, rng = self._choose(request)
        if self.faults.latency_ms:
            await asyncio.sleep(rng.uniform(0, 2 * self.faults.latency_ms / 1000))
        if fault in _ERRORS:
            self.counts[fault] += 1
            answer = error_response(*_ERRORS[fault])
            if request.method == "HEAD":
                answer.body = b""
            writer.write(answer.encode())
            return
        if fault == "reset":
            self.counts[fault] += 1
            reset(writer)
        if fault == "corrupt_upload" and request.body:
            self.counts[fault] += 1
            request.body = _damage(request.body, rng)
        response = await self._forward(request)
        if fault == "lost":
            self.counts[fault] += 1
            reset(writer)
        if fault == "stall":
            self.counts[fault] += 1
            await asyncio.sleep(self.faults.stall_s)
        if fault in ("corrupt", "truncate") and _carries_object(request, response):
            self.counts[fault] += 1
            if fault == "truncate":
                await _send_truncated(writer, response, rng)
            response.body = _damage(response.body, rng)
        writer.write(response.encode())

    async def _forward(self, request: Message) -> Message:
        reader, writer = await asyncio.open_connection(*self._target, limit=STREAM_LIMIT_BYTES)
        try:
            writer.write(request.encode())
            await writer.drain()
            response = await read_response(reader, request.method == "HEAD")
        finally:
            # A lingering connection keeps its port, and ports would run out under load.
            disable_linger(writer)
            writer.transport.abort()
        hop = ("connection", "keep-alive")
        response.headers = [pair for pair in response.headers if pair[0].lower() not in hop]
        response.start = response.start.replace("HTTP/1.0", "HTTP/1.1", 1)
        return response

    def _choose(self, request: Message) -> tuple[str | None, random.Random]:
        path = f"{request.method} {request.target.partition('?')[0]}"
        self.requests[path] += 1
        name = f"{request.method} {request.target}"
        self._request_numbers[name] += 1
        rng = random.Random(f"{self.seed} {self._request_numbers[name]} {name}")
        if request.method in self.denied:
            return "deny", rng
        if self._script:
            return self._script.popleft(), rng
        fault = None
        if self._streaks[name] < self.faults.streak:
            rates = [getattr(self.faults, kind) for kind in KINDS]
            (fault,) = rng.choices([*KINDS, None], [*rates, max(0.0, 1 - sum(rates))])
        self._streaks[name] = self._streaks[name] + 1 if fault else 0
        return fault, rng


class _Truncated(Exception):
    """The response was truncated, and the connection must be closed regularly."""


def _carries_object(request: Message, response: Message) -> bool:
    path, _, query = request.target.partition("?")
    is_object = "/" in path.lstrip("/") and "list-type" not in query
    succeeded = response.start.split()[1] in ("200", "206")
    return request.method == "GET" and is_object and succeeded and bool(response.body)


def _damage(body: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(body))
    return body[:at] + bytes([body[at] ^ rng.randint(1, 255)]) + body[at + 1 :]


async def _send_truncated(
    writer: asyncio.StreamWriter, response: Message, rng: random.Random
) -> NoReturn:
    """Send a part of the body, then close the connection: by FIN or by RST, equally often."""
    writer.write(response.encode()[: -rng.randint(1, len(response.body))])
    await writer.drain()
    if rng.random() < 0.5:
        reset(writer)
    raise _Truncated


async def _run(proxy: FaultProxy, counters: Path | None) -> None:
    async with await proxy.listen() as server:
        print(proxy.endpoint, flush=True)
        serving = asyncio.ensure_future(server.serve_forever())
        while counters is not None and not serving.done():
            await asyncio.sleep(COUNTERS_INTERVAL_S)
            counters.write_text(json.dumps(proxy.report))
        await serving


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="jobs.faults.proxy")
    parser.add_argument("--target", required=True, help="URL of the S3 server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--counters", type=Path, help="JSON file, written every second")
    for field in fields(Faults):
        kind = int if field.name == "streak" else float
        parser.add_argument("--" + field.name.replace("_", "-"), type=kind, default=field.default)
    given = vars(parser.parse_args())
    faults = Faults(**{field.name: given[field.name] for field in fields(Faults)})
    proxy = FaultProxy(given["target"], faults, given["seed"], given["port"])
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(proxy, given["counters"]))
    json.dump(proxy.report, sys.stdout)


if __name__ == "__main__":
    main()
