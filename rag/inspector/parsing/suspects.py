"""Whether a value whose form nobody here knows could hold what people said. By its content, never by its key's name.

The rule. A value is suspect if
- JSON in it has an object that says who speaks (`role`, `type`, `sender`, … is user, assistant, human, ai, …) and what
  (`content`, `text`, `message`, …), or somebody's name under `from`, `sender` or `speaker` and a text, or a pair of a
  question and an answer;
- a hash or a stream entry has such fields, or fields that are numbered or named for a speaker and hold sentences;
- a text has lines of at least two speakers (`User: …`, `AI: …`), marks of a chat template, or XML that marks speakers;
- bytes that are no text (pickles, MessagePack, Java's) name message classes, or a role and a content; compressed and
  base64 texts are opened once;
- a list, stream or sorted set has two elements that are sentences in the first or second person;
- or what a scan looks for is in it.

Counters, ids, flags, HTML, tokens, vectors, jobs and objects without speaker and text are none.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import orjson

from rag.inspector.parsing.looks import Look
from rag.inspector.parsing.spoken import said_in

MOST = 20_000
"""Values of one JSON text that are looked at."""
DEEPEST = 32
OPENED = 64 << 10
"""Bytes of a compressed text that are looked at."""
WHO = {
    "user",
    "from",
    "sender",
    "speaker",
    "who",
    "participant",
    "username",
    "user_name",
    "nick",
    "nickname",
    "said_by",
}
SAYS = {"content", "text", "message", "msg", "body", "say", "says", "said", "utterance", "speech", "line", "question"}
ASKS = {"question", "q", "query", "prompt", "input", "user", "human", "request", "ask", "user_message", "user_input"}
ANSWERS = {"answer", "a", "response", "completion", "output", "assistant", "ai", "bot", "reply", "bot_message"}
_LINE = re.compile(
    r"^\W{0,4}(user|human|customer|client|me|assistant|ai|bot|chatbot|agent|model|system)\W{0,4}:", re.I | re.M
)
_PEOPLE = {"user", "human", "customer", "client", "me"}
_TEMPLATE = re.compile(r"<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|\[INST\]|\n\nHuman: ")
_CLASS = re.compile(rb"(Human|AI|User|Assistant|Chat|Tool)Message\b|ModelRequest|UserPromptPart")
_ROLE = re.compile(rb"\b(role|sender|speaker|type)\b.{0,40}?\b(user|assistant|human|ai)\b", re.S)
_CONTENT = re.compile(rb"content|text|message|parts")
_PAGE = re.compile(rb"<!doctype html|<html|<head|<body|<script|<div|<p>", re.I)
_MARK = re.compile(rb"""\b(?:role|sender|speaker|from)=["'](?:user|assistant|human|ai|bot)["']""", re.I)
_SENTENCE = re.compile(r"\b(i|i'm|my|me|you|your|we|our|please|thanks|thank|hello|hi|hey)\b|[?？]", re.I)
_NUMBERED = re.compile(r"(?:\w{1,40}[:_\-.])?\d{1,20}(?:-\d{1,20})?")
_NAMED = re.compile(
    r"(?:\d{1,20}[:_\-.])?(user|human|customer|assistant|ai|bot|message|msg|question|answer)\b.{0,20}", re.I
)
_LOG = re.compile(r"\b(INFO|DEBUG|WARN(ING)?|ERROR|TRACE)\b|HTTP/\d")

Spots = Callable[[str], bool]
"""Whether what a scan looks for is in a text."""


def suspicion(look: Look, spots: Spots | None = None) -> str:
    """Why this could hold messages; empty if it could not. Linear in what was fetched of it."""
    if look.too_large and not (look.type == "string" and look.parts):
        return look.too_large
    if spots is not None and any(spots(part.decode("utf-8", "replace")) for part in look.parts):
        return "what is looked for is in it"
    if look.fields and (why := _of_fields(look.fields)):
        return why
    for part in look.parts:
        if why := _of_value(part):
            return f"{why}; {look.too_large}" if look.too_large else why
    if look.type in ("list", "stream", "zset") and sum(map(_sentence, look.parts)) >= 2:
        return "sentences of a conversation"
    return ""


def _of_value(raw: bytes, *, inner: bool = False) -> str:
    text = raw.strip()
    if text[:1] in (b"[", b"{", b'"'):
        with suppress(ValueError, RecursionError):
            return _of_json(orjson.loads(text))
        # JSON that is cut off or broken is judged as bytes.
        return _of_bytes(text)
    if text[:1] == b"<" and text[:2] != b"<|":
        return "marks of who speaks" if not _PAGE.match(text) and _MARK.search(text) else ""
    if not inner and (opened := _opened(text)):
        return _of_value(opened, inner=True)
    try:
        words = text.decode()
    except UnicodeDecodeError:
        return _of_bytes(text)
    if any(ord(one) < 9 for one in words[:64]):
        return _of_bytes(text)
    return _of_text(words)


def _of_json(value: object) -> str:
    for one in _objects(value):
        said = said_in(one)
        if said is not None and said.role in ("user", "assistant") and (said.text or said.calls):
            return f"JSON that says who speaks and what ({said.role})"
        if why := _of_names(one):
            return why
    if isinstance(value, list) and sum(isinstance(one, str) and _sentence(one.encode()) for one in value[:20]) >= 2:
        return "sentences of a conversation"
    return _of_text(value) if isinstance(value, str) else ""


def _objects(value: object) -> Iterator[dict[str, Any]]:
    """Every object in it, and in JSON texts in it, up to a number and a depth."""
    waiting: list[tuple[object, int]] = [(value, 0)]
    for _ in range(MOST):
        if not waiting:
            return
        one, depth = waiting.pop()
        if isinstance(one, dict):
            yield one
            inner: list[object] = list(one.values())
        elif isinstance(one, list):
            inner = list(one)
        elif isinstance(one, str) and len(one) > 20 and one[:1] in "[{":
            inner = []
            with suppress(ValueError):
                inner = [orjson.loads(one)]
        else:
            continue
        if depth < DEEPEST:
            waiting += [(each, depth + 1) for each in reversed(inner[:MOST]) if isinstance(each, dict | list | str)]


def _of_names(fields: Mapping[str, Any]) -> str:
    texts = {name.lower() for name, value in fields.items() if isinstance(value, str) and value.strip()}
    if texts & WHO and _texts(fields, SAYS):
        return "somebody's name and a text"
    return "a question and an answer" if _texts(fields, ASKS) and _texts(fields, ANSWERS) else ""


def _texts(fields: Mapping[str, Any], names: set[str]) -> bool:
    """Whether one of these has words, not a number or a code."""
    return any(
        isinstance(value, str) and " " in value.strip() for name, value in fields.items() if name.lower() in names
    )


def _of_fields(fields: Mapping[bytes, bytes]) -> str:
    texts = {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, value in fields.items()}
    said = said_in(texts)
    if said is not None and said.role in ("user", "assistant") and said.text:
        return f"fields that say who speaks and what ({said.role})"
    if why := _of_names(texts):
        return why
    named = (value for name, value in texts.items() if _NUMBERED.fullmatch(name) or _NAMED.fullmatch(name))
    return "sentences of a conversation" if any(_sentence(value.encode()) for value in named) else ""


def _of_text(text: str) -> str:
    if _TEMPLATE.search(text):
        return "marks of a chat template"
    speakers = {found[1].lower() for found in _LINE.finditer(text)}
    return "lines of two speakers" if speakers & _PEOPLE and speakers - _PEOPLE else ""


def _of_bytes(raw: bytes) -> str:
    if _CLASS.search(raw):
        return "names of message classes"
    return "a role and a content" if _ROLE.search(raw) and _CONTENT.search(raw) else ""


def _sentence(raw: bytes) -> bool:
    """Four words or more, in the first or second person, and no line of a log."""
    text = raw[:1000].decode("utf-8", "replace")
    return text.count(" ") >= 3 and text[:1] not in "<[{" and bool(_SENTENCE.search(text)) and not _LOG.search(text)


def _opened(raw: bytes) -> bytes:
    """What is in a compressed text, or in a base64 one; empty if it is neither."""
    if raw[:2] == b"\x1f\x8b" or (raw[:1] == b"\x78" and raw[1:2] in (b"\x01", b"\x5e", b"\x9c", b"\xda")):
        with suppress(zlib.error):
            return zlib.decompressobj(wbits=47).decompress(raw, OPENED)
    if len(raw) >= 24 and re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", raw):
        with suppress(binascii.Error, ValueError):
            return base64.b64decode(raw[: len(raw) // 4 * 4])
    return b""
