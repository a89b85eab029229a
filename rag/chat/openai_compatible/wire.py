"""Chat completions as they come over the wire: the text of each event, read without the client library's models.

Those take a third of a millisecond a token. What goes wrong raises the client library's errors, pyreqwest's, or
whatever a reply that cannot be read does: `errors.translate` knows them all.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any, NamedTuple

import httpx2
import openai
import orjson
from langchain_core.outputs import ChatGenerationChunk
from pyreqwest.client import SyncClient, SyncClientBuilder
from pyreqwest.exceptions import PyreqwestError
from pyreqwest.response import SyncResponse

from rag.errors import AnswerTooLong

LONGEST_EVENT = 1 << 20
LONGEST_REFUSAL = 1 << 16
"""Bytes of one event, where a real one has some hundreds; and what is read of a refusal."""
PIECE = 1 << 12
"""Bytes of an answer that nobody watches: so much comes before somebody who stops it is heard."""
REDIRECTS = 5


class Delta(NamedTuple):
    """A piece of an answer. `reason` comes with the last one; `chunk` is the same for LangChain, where it made it."""

    text: str
    reason: str | None = None
    chunk: ChatGenerationChunk | None = None


Deltas = Generator[Delta]


class Wire:
    """Thread-safe. It asks through reqwest, which works outside of the interpreter's lock: a request holds that for a
    tenth of the time that urllib3 does. Proxies and certificates are those that the environment names."""

    def __init__(self, client: openai.OpenAI, *, connect: float, silence: float, limit: float) -> None:
        """`client` says where to send what, and with which headers. Seconds: for a connection, without a byte, and for
        a whole answer."""
        self._url = str(client.base_url.copy_with(path=client.base_url.path.rstrip("/") + "/chat/completions"))
        headers = {
            name: value
            for name, value in client.default_headers.items()
            if isinstance(value, str) and not name.startswith("X-Stainless")  # what the client library runs on
        }
        self._http = _connections({**headers, "Authorization": f"Bearer {client.api_key}"}, connect, silence, limit)
        self._request = httpx2.Request("POST", self._url)

    def ask(self, payload: dict[str, Any], *, whole: bool = False) -> Deltas:
        """Closing it ends the request. whole: nobody looks at single words, so they are told some dozens at a time."""
        asked = self._http.post(self._url).body_bytes(orjson.dumps(payload))
        piece = PIECE if whole else 0
        # Without the limit it reads up to 64 KiB before it tells the first word.
        with asked.streamed_read_buffer_limit(piece).build_streamed() as response:
            chunks = _chunks(response, piece)
            if response.status >= 400:
                raise self._refused(response, chunks)
            for data in _events(chunks):
                if data.startswith(b"[DONE]"):
                    with suppress(PyreqwestError):  # read to its end, a connection serves the next question
                        deque(chunks, maxlen=0)
                    return
                event = _parsed(data)
                if error := event.get("error"):
                    raise openai.APIError("An error was reported while streaming", self._request, body=error)
                for choice in event["choices"][:1]:
                    yield Delta(choice["delta"].get("content") or "", choice.get("finish_reason"))

    def _refused(self, response: SyncResponse, chunks: Iterator[bytes]) -> openai.APIStatusError:
        said = b""
        while len(said) < LONGEST_REFUSAL and (chunk := next(chunks, b"")):
            said += chunk
        text = said[:LONGEST_REFUSAL].decode(errors="replace")
        try:
            body = orjson.loads(text)
        except ValueError:
            body = text
        error = body.get("error", body) if isinstance(body, dict) else body
        told = httpx2.Response(response.status, headers=[*response.headers.items()], request=self._request)
        return openai.APIStatusError(text, response=told, body=error)


def _connections(headers: dict[str, str], connect: float, silence: float, limit: float) -> SyncClient:
    """Kept from question to question. Whoever finds none that is free makes one."""
    built = SyncClientBuilder().default_headers(headers).referer(False).max_redirects(REDIRECTS)
    built = built.connect_timeout(timedelta(seconds=connect)).read_timeout(timedelta(seconds=silence))
    return built.timeout(timedelta(seconds=limit)).build()


def _chunks(response: SyncResponse, piece: int) -> Iterator[bytes]:
    """What has come, as it comes, or so many bytes at a time: each step takes the interpreter's lock anew."""
    body = response.body_reader
    while (chunk := body.read(piece) if piece else body.read_chunk()) is not None:
        yield bytes(chunk)


def _parsed(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)  # which reads half of a surrogate pair, as a server may send it


def bounded(deltas: Deltas, longest: int) -> Deltas:
    """The same, well-formed. Raises AnswerTooLong at the first piece that goes beyond `longest` characters."""
    size, half = 0, ""
    with closing(deltas):
        for delta in deltas:
            text, half = well_formed(half + delta.text, last=delta.reason is not None)
            size += len(text)
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
        if not isinstance(response.stream, httpx2.SyncByteStream):
            return response
        response.stream = _BoundedStream(response.stream, request, deadline)
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
