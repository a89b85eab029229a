"""Which fields of a request are the question, the session and the request's own id, by their usual names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from rag.crosstalk.targets.errors import BadTarget
from rag.crosstalk.targets.filling import names
from rag.crosstalk.targets.recognise import MESSAGE_NAMES, SESSION_NAMES

DEEPEST = 12
QUESTION = (*MESSAGE_NAMES, "user_message", "chat_input", "user_query", "input_text", "parts", "data", "inputs")
SESSION = frozenset(
    (
        *SESSION_NAMES,
        *"session_hash sessionid conversation_uuid conv_id thread chat uid sid phpsessid jsessionid".split(),
        *"user_name username connect.sid client_id visitor_id customer_id dialog_id dialogue_id room_id".split(),
    )
)
REQUEST = frozenset("request_id message_id msg_id event_id trace_id idempotency_key nonce".split())
_UPPER = re.compile(r"([a-z0-9])([A-Z])")
_ROLES = ("role", "type", "sender", "author")
_ASKED = frozenset(("user", "human"))
Path = tuple[str | int, ...]


@dataclass(slots=True)
class Fields:
    """The parts of a request (json, form, query, cookies) with places in them. question, session: the fields that
    became them, as a reader finds them; empty: ids that the chat seems to give out itself."""

    parts: dict[str, Any]
    where: str
    question: str = ""
    session: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def mark(self) -> None:
        """Put the places in. What is marked already stays. Raises BadTarget where the question is not found."""
        marked = names(self.parts)
        if not marked & {"session", "user", "uuid", "number"}:
            for path, value in list(leaves(self.parts)):
                self._ids(path, value)
        if marked & {"text", "messages"}:
            self.question = "marked"
            return
        found = next(chain(self._conversations(), self._questions(), self._only()), None)
        if found is None:
            there = ", ".join(shown(path) for path, value in leaves(self.parts) if isinstance(value, str))[:200]
            raise BadTarget(self.where, f"which field is the question is not clear: write {{text}} there ({there})")
        self.question = shown(found)

    def _ids(self, path: Path, value: Any) -> None:
        key = plain(path)
        parent = plain(path[:-1])
        if key == "id":
            key = "session_id" if len(path) == 2 or parent in SESSION else "request_id"
        if key in REQUEST and value:
            put(self.parts, path, "{request}")
        elif key in SESSION and not isinstance(value, bool):
            if value in (None, ""):
                self.empty.append(shown(path))
            else:
                put(self.parts, path, "{number}" if isinstance(value, int | float) else _place(value))
                self.session.append(shown(path))

    def _conversations(self) -> Iterator[Path]:
        """Lists of messages with roles, as chats without a memory of their own take them."""
        for path, value in nodes(self.parts):
            if not isinstance(value, list) or not value or not all(isinstance(one, dict) for one in value):
                continue
            last = value[-1]
            if not any(str(last.get(name, "")).lower() in _ASKED for name in _ROLES):
                continue
            if set(last) == {"role", "content"} and isinstance(last["content"], str) and not self.session:
                put(self.parts, path, "{messages}")
                yield path
                return
            texts = [inner for inner, text in leaves(last) if isinstance(text, str) and plain(inner) in QUESTION]
            if texts:
                put(last, texts[-1], "{text}")
                put(self.parts, path, [last])
                yield (*path, 0, *texts[-1])
                return

    def _questions(self) -> Iterator[Path]:
        found = [
            (QUESTION.index(key), number, path)
            for number, (path, value) in enumerate(leaves(self.parts))
            if isinstance(value, str) and path[0] != "cookies" and not names(value) and (key := plain(path)) in QUESTION
        ]
        for _, _, path in sorted(found)[:1]:
            put(self.parts, path, "{text}")
            yield path

    def _only(self) -> Iterator[Path]:
        """The one text that is left."""
        texts = [
            path
            for path, value in leaves(self.parts)
            if isinstance(value, str) and value and path[0] != "cookies" and not names(value)
        ]
        if len(texts) == 1:
            put(self.parts, texts[0], "{text}")
            yield texts[0]


def leaves(value: Any) -> Iterator[tuple[Path, Any]]:
    """What holds nothing else, each with its path."""
    return ((path, one) for path, one in nodes(value) if not isinstance(one, dict | list))


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if len(path) > DEEPEST:
        return
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in list(inner):
        yield from nodes(one, (*path, key))


def put(value: Any, path: Path, new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


def plain(path: Path) -> str:
    """The name that a field has, of a list's entry the list's: in small letters with _."""
    name = next((key for key in reversed(path) if isinstance(key, str)), "")
    return _UPPER.sub(r"\1_\2", name).lower().replace("-", "_")


def shown(path: Path) -> str:
    return ".".join(str(key) for key in path[1:]) or str(path[0])


def _place(value: Any) -> str:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return "{number}" if str(value).isdecimal() else "{session}"
    return "{uuid}"
