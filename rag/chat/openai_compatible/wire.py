"""Chat completions as they come over the wire: the text of each event, read without the client library's models.

Those take a third of a millisecond a token. What goes wrong raises the client library's errors, libcurl's, or whatever
a reply that cannot be read does: `errors.translate` knows them all.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from typing import Any, NamedTuple, cast

import httpx2
import openai
import orjson
import pycurl
from langchain_core.outputs import ChatGenerationChunk

from rag.chat.openai_compatible.exchange import Connections, Reply
from rag.errors import AnswerTooLong

LONGEST_EVENT = 1 << 20
LONGEST_REFUSAL = 1 << 16
"""Bytes of one event, where a real one has some hundreds; and what is read of a refusal."""


class Delta(NamedTuple):
    """A piece of an answer. `reason` comes with the last one; `chunk` is the same for LangChain, where it made it."""

    text: str
    reason: str | None = None
    chunk: ChatGenerationChunk | None = None


Deltas = Generator[Delta]


class Wire:
    """Thread-safe."""

    def __init__(self, client: openai.OpenAI, *, connect: float, silence: float, limit: float) -> None:
        """`client` says where to send what, and with which headers. Seconds: for a connection, without a byte, and for
        a whole answer."""
        self._limit = limit
        url = str(client.base_url.copy_with(path=client.base_url.path.rstrip("/") + "/chat/completions"))
        headers = {
            name: value
            for name, value in client.default_headers.items()
            if isinstance(value, str) and not name.startswith("X-Stainless")  # what the client library runs on
        }
        headers["Authorization"] = f"Bearer {client.api_key}"
        self._connections = Connections(url, headers, connect=connect, silence=silence)
        self._request = httpx2.Request("POST", url)

    def ask(self, payload: dict[str, Any]) -> Deltas:
        """As `stream` in the payload says: piece by piece, or all at once. Closing it ends the request."""
        with self._connections.post(orjson.dumps(payload), time.monotonic() + self._limit) as reply:
            if reply.status >= 400:
                raise self._refused(reply)
            if not payload["stream"] and "event-stream" not in dict(reply.headers).get("content-type", ""):
                yield from self._deltas(_parsed(_body(reply.chunks)))
                return
            for data in _events(reply.chunks):
                if data.startswith(b"[DONE]"):
                    with suppress(pycurl.error, TimeoutError):  # read to its end, a connection serves the next question
                        deque(reply.chunks, maxlen=0)
                    return
                yield from self._deltas(_parsed(data))

    def _deltas(self, said: Any) -> Iterator[Delta]:
        if error := said.get("error"):
            raise openai.APIError("An error was reported in an answer", self._request, body=error)
        for choice in said["choices"][:1]:
            text = (choice.get("delta") or choice.get("message") or {}).get("content")
            yield Delta(text or "", choice.get("finish_reason"))

    def _refused(self, reply: Reply) -> openai.APIStatusError:
        said = b""
        while len(said) < LONGEST_REFUSAL and (chunk := next(reply.chunks, b"")):
            said += chunk
        text = said[:LONGEST_REFUSAL].decode(errors="replace")
        try:
            body = orjson.loads(text)
        except ValueError:
            body = text
        error = body.get("error", body) if isinstance(body, dict) else body
        told = httpx2.Response(reply.status, headers=reply.headers, request=self._request)
        return openai.APIStatusError(text, response=told, body=error)


def _body(chunks: Iterator[bytes]) -> bytes:
    whole = b""
    for chunk in chunks:
        whole += chunk
        if len(whole) > LONGEST_EVENT:
            raise ValueError("an answer is too long")
    return whole


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)  # which reads half of a surrogate pair, as a server may send it


def bounded(deltas: Deltas, longest: int) -> Deltas:
    """The same, well-formed, without those that say nothing: who waits for the first word keeps what came before it.

    Raises AnswerTooLong at the first piece that goes beyond `longest` characters; one without text counts as one.
    """
    size, half = 0, ""
    with closing(deltas):
        for delta in deltas:
            text, half = well_formed(half + delta.text, last=delta.reason is not None)
            if not (text or delta.reason or delta.chunk):
                continue
            size += len(text) or 1
            if size > longest:
                raise AnswerTooLong(longest)
            yield delta if text == delta.text else Delta(text, delta.reason)


def well_formed(text: str, last: bool) -> tuple[str, str]:
    """The text without NUL and lone surrogates, which no store takes, and what may be the first half of a character.

    That half belongs before the next piece, if this is not the last one.
    """
    if text.isascii() and "\0" not in text:
        return text, ""
    half = text[-1] if "\ud800" <= text[-1:] <= "\udbff" and not last else ""
    whole = text.removesuffix(half).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "\ufffd"), half


def _events(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What stands in the `data` lines of a stream of server-sent events."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
        if len(rest) > LONGEST_EVENT:
            raise ValueError("an event of a stream is too long")


class BoundedClient(httpx2.Client):
    """An HTTP client that gives up on a body after `limit` seconds, even when keep-alives trickle in forever."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        super().__init__(
            limits=httpx2.Limits(max_connections=1000, max_keepalive_connections=100),
            follow_redirects=True,
        )

    def send(self, request: httpx2.Request, *, stream: bool = False, **kwargs: Any) -> httpx2.Response:
        deadline = time.monotonic() + self._limit
        response = super().send(request, stream=True, **kwargs)
        response.stream = _BoundedStream(cast("httpx2.SyncByteStream", response.stream), request, deadline)
        if not stream:
            with closing(response):
                response.read()
        return response


class _BoundedStream(httpx2.SyncByteStream):
    def __init__(self, inner: httpx2.SyncByteStream, request: httpx2.Request, deadline: float) -> None:
        self._inner = inner
        self._request = request
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for part in self._inner:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the whole answer took too long", request=self._request)
            yield part

    def close(self) -> None:
        self._inner.close()
