"""HTTP/1.1 messages as the fault proxy passes them on: whole, byte for byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import NoReturn


@dataclass
class Message:
    """One HTTP/1.1 request or response: first line, header lines, body."""

    start: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    @property
    def method(self) -> str:
        """The method of a request."""
        return self.start.split()[0]

    @property
    def target(self) -> str:
        """The target of a request: path and query."""
        return self.start.split()[1]

    def header(self, name: str) -> str:
        """Return a header's value; empty if it is absent."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def encode(self) -> bytes:
        """Return the message's bytes."""
        lines = [self.start, *(f"{key}: {value}" for key, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


def error_response(status: str, code: str, message: str) -> Message:
    """Return a response with an S3 error."""
    text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return text_response(status, "application/xml", text)


def text_response(status: str, content_type: str, text: str) -> Message:
    """Return a response with a text."""
    headers = [("Content-Type", content_type), ("Content-Length", str(len(text)))]
    return Message(f"HTTP/1.1 {status}", headers, text.encode())


async def _read_head(reader: asyncio.StreamReader) -> Message | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    start, *lines = head.decode("latin-1").split("\r\n")
    split = (line.partition(":") for line in lines if line)
    return Message(start, [(name, value.strip()) for name, _, value in split])


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Message | None:
    """Return the next request of a connection; None at its end."""
    request = await _read_head(reader)
    if request is None:
        return None
    if request.header("expect"):
        # Signatures don't cover this header, and the proxy wants the body in any case.
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.headers = [pair for pair in request.headers if pair[0].lower() != "expect"]
    if request.header("transfer-encoding"):
        raise ConnectionAbortedError("chunked uploads are not passed on")
    request.body = await reader.readexactly(int(request.header("content-length") or 0))
    return request


async def read_response(reader: asyncio.StreamReader, to_head: bool) -> Message:
    """Return a response, its body with a length; the response to HEAD has none."""
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


def reset(writer: asyncio.StreamWriter) -> NoReturn:
    """End the connection by RST instead of FIN."""
    disable_linger(writer)
    raise ConnectionResetError


def disable_linger(writer: asyncio.StreamWriter) -> None:
    """Make the connection end by RST, so that its port is free at once."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
