"""A proxy in front of an S3 server that answers wrongly, on a schedule.

As a context manager in a test, or as a process of its own until it is interrupted:

```
python -m tests.servers.proxy --target http://127.0.0.1:9000 --port 9001 --seed 1 \
    --slowdown 0.05 --reset 0.02 --truncate 0.02 --corrupt 0.05 --latency-ms 100 --deny 0.01
curl http://127.0.0.1:9001/_faults
```

Which fault a request meets depends on the seed, its method and target, and on how often that target
was asked for before, not on the clock or on what else runs: the same seed gives the same faults.

Requests go on byte for byte, the Host header with them, since signatures cover both. Only
``Expect: 100-continue`` is answered here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

KINDS = ("slowdown", "deny", "reset", "lost", "stall", "truncate", "corrupt", "corrupt_upload")
_ERRORS = {
    "slowdown": ("503 Service Unavailable", "SlowDown", "Please reduce your request rate."),
    "deny": ("403 Forbidden", "AccessDenied", "Access Denied"),
}


@dataclass(frozen=True)
class Faults:
    """The share of requests that meet each fault, 0..1.

    Attributes:
        slowdown: 503 SlowDown.
        deny: 403 AccessDenied, as a throttling server says it.
        reset: the connection is reset before the request is carried out.
        lost: the request is carried out, then the connection is reset.
        stall: the first byte comes after ``stall_s`` seconds.
        truncate: the connection is reset in the middle of an object's bytes.
        corrupt: one byte of an object read is another one.
        corrupt_upload: one byte of an object written is another one.
        latency_ms: mean delay of every answer.
        stall_s: see ``stall``.
        streak: after so many faults in a row, a target's next request meets none.
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


@dataclass
class _Message:
    """One HTTP/1.1 request or response: first line, header lines, body."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def method(self) -> str:
        return self.start.split()[0]

    @property
    def target(self) -> str:
        return self.start.split()[1]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def encode(self) -> bytes:
        lines = [self.start, *(f"{key}: {value}" for key, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


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
        """Methods for which the credentials have no rights, ever."""
        self.counts: Counter[str] = Counter()
        """Faults by kind."""
        self.requests: Counter[str] = Counter()
        """Requests by method and target (path without the query)."""
        self._asked: Counter[str] = Counter()
        self._streaks: Counter[str] = Counter()
        self._script: deque[str | None] = deque()

    def script(self, kinds: Iterable[str | None]) -> None:
        """Give the next requests these faults in order; after them the rates hold again."""
        self._script = deque(kinds)

    def reset_counts(self) -> None:
        """Forget what was asked and injected, and what remains of the script."""
        for counter in (self.counts, self.requests, self._asked, self._streaks):
            counter.clear()
        self._script.clear()
        self.denied.clear()

    @property
    def endpoint(self) -> str:
        """The proxy's URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def report(self) -> dict[str, object]:
        """What ``/_faults`` shows."""
        return {
            "seed": self.seed,
            "rates": asdict(self.faults),
            "requests": sum(self.requests.values()),
            "faults": dict(self.counts),
        }

    # Life

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
        server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=1 << 20)
        self._port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # One connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _read_request(reader, writer)) is not None:
                if request.target.startswith("/_faults"):
                    text = json.dumps(self.report)
                    writer.write(_answer("200 OK", "application/json", text).encode())
                else:
                    await self._exchange(request, writer)
                await writer.drain()
        except _CutShort:
            pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # A cancelled task (the proxy ends) would be reported as an error by the streams.
            writer.transport.abort()
        finally:
            writer.close()

    async def _exchange(self, request: _Message, writer: asyncio.StreamWriter) -> None:
        """Pass one request on and its answer back."""
        fault, chance = self._choose(request)
        if self.faults.latency_ms:
            await asyncio.sleep(chance.uniform(0, 2 * self.faults.latency_ms / 1000))
        if fault in _ERRORS:
            self.counts[fault] += 1
            answer = _error(*_ERRORS[fault])
            if request.method == "HEAD":
                answer.body = b""
            writer.write(answer.encode())
            return
        if fault == "reset":
            self.counts[fault] += 1
            _reset(writer)
        if fault == "corrupt_upload" and request.body:
            self.counts[fault] += 1
            request.body = _damage(request.body, chance)
        response = await self._forward(request)
        if fault == "lost":
            self.counts[fault] += 1
            _reset(writer)
        if fault == "stall":
            self.counts[fault] += 1
            await asyncio.sleep(self.faults.stall_s)
        if fault in ("corrupt", "truncate") and _carries_object(request, response):
            self.counts[fault] += 1
            if fault == "truncate":
                await _cut_short(writer, response, chance)
            response.body = _damage(response.body, chance)
        writer.write(response.encode())

    async def _forward(self, request: _Message) -> _Message:
        reader, writer = await asyncio.open_connection(*self._target, limit=1 << 20)
        try:
            writer.write(request.encode())
            await writer.drain()
            response = await _read_response(reader, request.method == "HEAD")
        finally:
            # Without lingering, so that ports don't run out under load.
            _linger_not(writer)
            writer.transport.abort()
        hop = ("connection", "keep-alive")
        response.headers = [pair for pair in response.headers if pair[0].lower() not in hop]
        response.start = response.start.replace("HTTP/1.0", "HTTP/1.1", 1)
        return response

    def _choose(self, request: _Message) -> tuple[str | None, random.Random]:
        path = f"{request.method} {request.target.partition('?')[0]}"
        self.requests[path] += 1
        name = f"{request.method} {request.target}"
        self._asked[name] += 1
        chance = random.Random(f"{self.seed} {self._asked[name]} {name}")
        if request.method in self.denied:
            return "deny", chance
        if self._script:
            return self._script.popleft(), chance
        fault = None
        if self._streaks[name] < self.faults.streak:
            rates = [getattr(self.faults, kind) for kind in KINDS]
            (fault,) = chance.choices([*KINDS, None], [*rates, max(0.0, 1 - sum(rates))])
        self._streaks[name] = self._streaks[name] + 1 if fault else 0
        return fault, chance


class _CutShort(Exception):
    """The client got less than it was promised, and a regular end of the connection."""


def _carries_object(request: _Message, response: _Message) -> bool:
    path, _, query = request.target.partition("?")
    is_object = "/" in path.lstrip("/") and "list-type" not in query
    succeeded = response.start.split()[1] in ("200", "206")
    return request.method == "GET" and is_object and succeeded and bool(response.body)


def _damage(body: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(body))
    return body[:at] + bytes([body[at] ^ chance.randint(1, 255)]) + body[at + 1 :]


async def _cut_short(
    writer: asyncio.StreamWriter, response: _Message, chance: random.Random
) -> NoReturn:
    """Send a part of the body, then end the connection: by FIN or by RST, one as often as other."""
    writer.write(response.encode()[: -chance.randint(1, len(response.body))])
    await writer.drain()
    if chance.random() < 0.5:
        _reset(writer)
    raise _CutShort


def _reset(writer: asyncio.StreamWriter) -> NoReturn:
    """End the connection by RST instead of FIN."""
    _linger_not(writer)
    raise ConnectionResetError


def _linger_not(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _error(status: str, code: str, message: str) -> _Message:
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return _answer(status, "application/xml", text)


def _answer(status: str, content_type: str, text: str) -> _Message:
    headers = [("Content-Type", content_type), ("Content-Length", str(len(text)))]
    return _Message(f"HTTP/1.1 {status}", headers, text.encode())


async def _read_head(reader: asyncio.StreamReader) -> _Message | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    start, *lines = head.decode("latin-1").split("\r\n")
    split = (line.partition(":") for line in lines if line)
    return _Message(start, [(name, value.strip()) for name, _, value in split])


async def _read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> _Message | None:
    request = await _read_head(reader)
    if request is None:
        return None
    if request.header("expect"):
        # Not covered by signatures. The body is wanted here in any case.
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.headers = [pair for pair in request.headers if pair[0].lower() != "expect"]
    if request.header("transfer-encoding"):
        raise ConnectionAbortedError("chunked uploads are not passed on")
    request.body = await reader.readexactly(int(request.header("content-length") or 0))
    return request


async def _read_response(reader: asyncio.StreamReader, to_head: bool) -> _Message:
    response = await _read_head(reader)
    if response is None:
        raise ConnectionResetError
    status = int(response.start.split()[1])
    if to_head or status in (204, 304):
        return response
    if response.header("transfer-encoding").lower() == "chunked":
        while size := int((await reader.readline()).partition(b";")[0], 16):
            response.body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        kept = [pair for pair in response.headers if pair[0].lower() != "transfer-encoding"]
        response.headers = [*kept, ("Content-Length", str(len(response.body)))]
    elif length := response.header("content-length"):
        response.body = await reader.readexactly(int(length))
    else:
        response.body = await reader.read()
    return response


async def _run(proxy: FaultProxy, counters: Path | None) -> None:
    async with await proxy.listen() as server:
        print(proxy.endpoint, flush=True)
        serving = asyncio.ensure_future(server.serve_forever())
        while counters is not None and not serving.done():
            await asyncio.sleep(1)
            counters.write_text(json.dumps(proxy.report))
        await serving


def main() -> None:
    """Run until interrupted."""
    parser = argparse.ArgumentParser(prog="tests.servers.proxy")
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
