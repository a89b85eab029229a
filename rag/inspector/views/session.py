"""One session as it lies in Redis: every key of it, every element, what each says. Looking changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rag.inspector.key_scan import of_each
from rag.inspector.parsing.message_parsers import Said
from rag.safe_text import visible
from rag.sessions.connection.errors import translated

_LENGTHS = {b"list": "llen", b"hash": "hlen", b"zset": "zcard", b"string": "strlen", b"set": "scard", b"stream": "xlen"}


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """bytes: that it takes in the server, None if that does not say. ttl: seconds left, None for ever."""

    name: str
    type: str
    encoding: str
    length: int | None
    bytes: int | None
    ttl: float | None


@dataclass(frozen=True, slots=True)
class Element:
    """number: its place in the list, oldest first, from 0."""

    number: int
    said: Said
    raw: bytes


@dataclass(frozen=True, slots=True)
class View:
    """elements: the newest of them; `before` older ones are left out. fields: of the session's hash, as stored."""

    id: str
    elements: tuple[Element, ...]
    before: int
    keys: tuple[KeyFacts, ...]
    fields: dict[str, str]

    @property
    def messages(self) -> tuple[Element, ...]:
        """Those that are the session's own."""
        return tuple(element for element in self.elements if not element.said.problem)


def elements(lines: Iterable[bytes], parse: Any, session_id: str, first: int = 0) -> tuple[Element, ...]:
    return tuple(Element(number, parse(raw, session_id), raw) for number, raw in enumerate(lines, first))


def facts(client: Any, target: str, names: Sequence[str | bytes]) -> tuple[KeyFacts, ...]:
    """Of those of these keys that are there."""

    def ask(pipe: Any, name: str | bytes) -> None:
        pipe.type(name)
        pipe.object("encoding", name)
        pipe.memory_usage(name)
        pipe.pttl(name)

    with translated(target):
        replies = zip(names, of_each(client, names, ask), strict=True)
        there = [(name, reply) for name, reply in replies if reply[0] != b"none"]
        lengths = of_each(client, there, lambda pipe, one: getattr(pipe, _LENGTHS.get(one[1][0], "exists"))(one[0]))
    return tuple(_facts(name, reply, length) for (name, reply), (length,) in zip(there, lengths, strict=True))


def _facts(name: str | bytes, reply: Sequence[Any], length: Any) -> KeyFacts:
    kind, encoding, used, left = reply
    return KeyFacts(
        name.decode("utf-8", "replace") if isinstance(name, bytes) else name,
        kind.decode() if isinstance(kind, bytes) else "?",
        encoding.decode() if isinstance(encoding, bytes) else "?",
        length if isinstance(length, int) else None,
        used if isinstance(used, int) else None,
        left / 1000 if isinstance(left, int) and left >= 0 else None,
    )


def pretty(raw: bytes) -> str:
    """JSON with indents, or else the bytes; either way with escapes for what is not seen as itself."""
    try:
        return visible(json.dumps(json.loads(raw), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return visible(raw.decode("utf-8", "backslashreplace"))
