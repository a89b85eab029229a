"""What comes back from one request: a text, JSON, or events with parts of it; and what is kept of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

import httpx2

from rag.crosstalk.targets import answers
from rag.crosstalk.targets.answers import LONGEST, at, complaint, holds, parsed, refused, shown, text_at
from rag.crosstalk.targets.description import Between, Description, Step
from rag.crosstalk.targets.errors import TargetFailed

PARTS = 50
_STREAMS = {"text/event-stream": "sse", "application/x-ndjson": "ndjson", "application/jsonl": "ndjson"}


@dataclass(slots=True)
class Reply:
    """What came back from one request. text: at the step's path, or all of it. value: of JSON that is one value."""

    text: str | None
    value: Any = None
    raw: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    streamed: bool = False
    parts: tuple[Any, ...] = ()
    """The first ones that are JSON."""


def read(
    target: str, description: Description, step: Step, response: httpx2.Response, pieces: Iterator[bytes]
) -> Reply:
    """All of an answer, whatever form it comes in. target: what to call it. Raises TargetFailed."""
    if not response.is_success:
        refusal = b"".join(_first(pieces, 4096)).decode("utf-8", "replace")
        return Reply(None, None, refusal, response.headers, response.status_code)
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    described = description.stream if step is description else ""
    form = described or _STREAMS.get(kind, "")
    if form in ("sse", "ndjson"):
        return _parts(target, description, step, response, pieces, form)
    whole = answers.bounded(pieces, target)
    try:
        value = parsed(whole)
    except ValueError:
        value = None
    raw = whole.decode("utf-8", "replace")
    text = text_at(value, step.answers) if step.answers else raw
    return Reply(text, value, raw, response.headers, response.status_code)


def _parts(
    target: str, description: Description, step: Step, response: httpx2.Response, pieces: Iterator[bytes], form: str
) -> Reply:
    """An answer that comes as events. value: of the last one that is JSON."""
    found, value, last = list[str](), None, ""
    seen = list[Any]()
    named = (("message", line) for line in answers.lines(pieces, target) if line.strip())
    for name, data in answers.sse(pieces, target) if form == "sse" else named:
        try:
            told, is_json = parsed(data), True
        except ValueError:
            told, is_json = data, False
        called = _called(name, told)
        if called == "error" and called not in step.events:
            raise TargetFailed(target, f"it said {complaint(told)}")
        counts = not step.events or called in step.events or _told(step.events, told)
        if isinstance(told, dict) and (said := refused(told, description.errors)):
            raise TargetFailed(target, f"it said {said}")
        if not counts and (_conditions(step.events) or not isinstance(told, dict)):
            continue
        last = data
        if not is_json:
            found += [] if step.answers else [data]
            continue
        value = told
        if counts:
            seen += [value] if len(seen) < PARTS else []
            text = text_at(value, step.answers) if step.answers else value if isinstance(value, str) else data
            found += [] if text is None else [text]
        if description.done and step is description and holds(value, description.done):
            break
    text = "".join(found) if found or not step.answers else None
    return Reply(text, value, last, response.headers, response.status_code, streamed=True, parts=tuple(seen))


def _called(name: str, told: Any) -> str:
    """The name of an event, by its data where it has none of its own."""
    if name != "message" or not isinstance(told, dict):
        return name
    named = told.get("event") or told.get("type")
    return named if isinstance(named, str) else name


def _conditions(events: Sequence[str]) -> list[str]:
    return [one for one in events if "=" in one]


def _told(events: Sequence[str], value: Any) -> bool:
    return any(holds(value, one) for one in _conditions(events))


def limited(reply: Reply) -> bool:
    """Whether it was refused for the rate alone, so that asking again is safe."""
    unavailable = reply.status == HTTPStatus.SERVICE_UNAVAILABLE and "retry-after" in reply.headers
    return reply.status == HTTPStatus.TOO_MANY_REQUESTS or unavailable


def kept(place: str | list[str] | Between, reply: Reply, cookies: Mapping[str, str]) -> Any:
    """What a description wants kept, from where it says; None if it is not there."""
    if isinstance(place, list):
        return next((found for one in place if (found := kept(one, reply, cookies)) is not None), None)
    if isinstance(place, Between):
        _, found, rest = reply.raw.partition(place.after)
        value, ended, _ = rest.partition(place.before)
        return value if found and ended else None
    kind, colon, name = place.partition(":")
    if colon and kind == "header":
        return reply.headers.get(name)
    if colon and kind == "cookie":
        return cookies.get(name)
    return at(reply.value, place)


def _first(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    for piece in pieces:
        yield piece[:size]
        size -= len(piece)
        if size <= 0:
            return


def unpacked(response: httpx2.Response) -> Iterator[bytes]:
    """The answer's bytes in pieces of which none is much longer than may be: a few packed bytes can become millions."""
    packed = response.headers.get("content-encoding", "identity").strip().lower()
    if packed in ("", "identity"):
        yield from response.iter_raw()
        return
    if packed not in ("gzip", "x-gzip", "deflate"):
        raise httpx2.DecodingError(f"it sent {packed[:20]!r}, expected an answer that is not compressed")
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for piece in response.iter_raw():
            yield unpack.decompress(piece, LONGEST + 1)
    except zlib.error as exc:
        raise httpx2.DecodingError(f"it sent {packed!r} that cannot be unpacked") from exc


class Keeps(Protocol):
    """Who carries values over."""

    kept: dict[str, Any]
    client: httpx2.Client


def carry_over(name: str, step: Step, reply: Reply, keeper: Keeps) -> None:
    """What is to be kept of an answer. Raises TargetFailed where something was never given."""
    for value, place in step.keep.items():
        found = kept(place, reply, keeper.client.cookies)
        if found is not None:
            keeper.kept[value] = found
        elif value not in keeper.kept:
            where = f"at {place if isinstance(place, str) else ' or '.join(map(str, place))}"
            if isinstance(place, Between):
                where = f"between {place.after!r} and {place.before!r}"
            raise TargetFailed(name, f"its answer has no {value} {where}: {shown(reply.raw)}")


def text_of(name: str, description: Description, reply: Reply) -> str:
    """What the user is answered. Raises TargetFailed where it is no text.

    Without a place of the answer all of it counts, but JSON that says when there will be one.
    """
    paths = description.answered_by.answers
    queued = reply.status == HTTPStatus.ACCEPTED and not paths and isinstance(reply.value, dict)
    if reply.text is not None and not queued:
        return reply.text
    wanted = " or ".join(paths)
    if reply.status == HTTPStatus.ACCEPTED:
        raise TargetFailed(
            name,
            f"it only accepted the question (202): say with `then` where its answer will be: {shown(reply.raw)}",
            reply.status,
        )
    if description.socketio:
        raise TargetFailed(name, "it said that it was done, and sent no text under `whole` or `parts`")
    if reply.value is None and not reply.streamed:
        raise TargetFailed(name, f"it sent {shown(reply.raw, 80)!r}, expected JSON with {wanted}")
    raise TargetFailed(name, f"its answer has no text at {wanted}: {shown(reply.raw)}")
