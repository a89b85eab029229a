"""An OpenAI-compatible server that answers at once, streamed or whole: `python -m rag.web.bench.instant PORT`.

Its answer ends with what it was asked, so that an answer to somebody else's question is seen.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import closing, suppress
from typing import Any

ANSWER = "You can return an item within 30 days of delivery [1]. Members of Plus have 60 days [1]. You asked: "
MODEL = "instant"
_HEADERS = "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%s\r\n\r\n"


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """It reads no more of HTTP than clients of such servers send: a head, and a body with a length."""
    with closing(writer), suppress(EOFError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            writer.write(_reply(json.loads(body)) if body else _whole({"status": "ok"}))


def _reply(request: dict[str, Any]) -> bytes:
    asked = str(request["messages"][-1]["content"])
    # That, and what follows it, is asked where a question is to be made self-contained.
    text = asked.rpartition("Customer: ")[2] if "Customer: " in asked else ANSWER + asked
    common = {"id": "x", "created": 0, "model": MODEL}
    if not request.get("stream"):
        message = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return _whole({**common, "object": "chat.completion", "choices": [message]})
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": word + " "}, None) for word in text.split()[:-1]]
    deltas += [({"content": text.split()[-1]}, None), ({}, "stop")]
    events = [
        {**common, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": why}]}
        for delta, why in deltas
    ]
    lines = [*(json.dumps(event) for event in events), "[DONE]"]
    # One chunk of HTTP an event, as servers flush them.
    sent = [f"data: {line}\n\n" for line in lines]
    body = "".join(f"{len(event.encode()):x}\r\n{event}\r\n" for event in [*sent, ""])
    return (_HEADERS % ("text/event-stream", "Transfer-Encoding: chunked") + body).encode()


def _whole(value: object) -> bytes:
    body = json.dumps(value)
    return (_HEADERS % ("application/json", f"Content-Length: {len(body)}") + body).encode()


async def _serve(port: int) -> None:
    server = await asyncio.start_server(_connection, "127.0.0.1", port, limit=1 << 20)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
