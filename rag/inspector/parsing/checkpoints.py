"""What LangGraph keeps of a thread, whichever saver wrote it: every message of every checkpoint, each once.

A checkpoint holds the whole state again, so a message is taken where it first appears; older checkpoints may hold what
newer ones dropped. What a state holds besides messages (a summary, a profile) is one element each time that it changes.
Forms: langgraph/checkpoint/serde (`json`, `msgpack`, with `+aes` encrypted), and LangChain's constructors in JSON.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from rag.inspector.parsing.message_parsers import Said, json_object
from rag.inspector.parsing.msgpack import unpacked
from rag.inspector.parsing.spoken import REST, said_in, spoken

MOST = 100_000
"""Values of one state that are looked at."""
_UNREAD = "unread_form"
_NOTHING = ("null", "empty", "bytes", "bytearray", None)


class Thread:
    """Add its checkpoints and writes, oldest first; `lines` are its elements then."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self._known: set[int] = set()
        self._unread: set[str] = set()

    def add(self, kind: str | None, data: bytes | str | None, channel: str = "") -> None:
        """A checkpoint, or (channel) one channel's value, as a saver stored it. kind: its serializer's name for it."""
        if kind in _NOTHING or not data:
            return
        raw = data.encode() if isinstance(data, str) else data
        try:
            value = unpacked(raw) if kind == "msgpack" else orjson.loads(raw) if kind == "json" else None
        except ValueError as exc:
            self.lines.append(f"{kind} that cannot be read: {exc}".encode())
            return
        if value is None and kind not in ("json", "msgpack"):
            self._cannot(str(kind))
        elif channel:
            self.channel(channel, value)
        else:
            self.state(value)

    def state(self, value: object) -> None:
        """A checkpoint."""
        values = value.get("channel_values") if isinstance(value, dict) else None
        for name, one in values.items() if isinstance(values, dict) else ():
            self.channel(str(name), one)

    def channel(self, name: str, value: object) -> None:
        messages = list(_messages(value))
        for one, said in messages:
            self._message(one, said)
        if not messages and value and isinstance(value, str | dict | list) and not name.startswith(("branch:", "__")):
            self._once(orjson.dumps({"role": REST, "content": f"{name}: {_text(value)}"}))

    def _message(self, message: dict[str, Any], said: Said) -> None:
        # A message gets its id after its first checkpoint.
        plain = hash((said.role, said.text))
        if (said.id and hash(said.id) in self._known) or (plain in self._known and not said.calls):
            return
        self._known |= {plain, hash(said.id)} if said.id else {plain}
        self.lines.append(orjson.dumps(message, default=str))

    def _once(self, line: bytes) -> None:
        if hash(line) not in self._known:
            self._known.add(hash(line))
            self.lines.append(line)

    def _cannot(self, kind: str) -> None:
        if kind not in self._unread:
            self._unread.add(kind)
            self.lines.append(orjson.dumps({_UNREAD: kind}))


def element(raw: bytes, session_id: str) -> Said:
    """One of a thread's lines."""
    if raw.startswith(b'{"' + _UNREAD.encode()):
        kind = (json_object(raw) or {}).get(_UNREAD)
        return Said("other", "", problem="sealed", detail=f"stored as {kind}, which is not read")
    return spoken(raw, session_id)


def from_base64(value: object) -> bytes:
    """A blob as the JSON savers write it; empty for what is none."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return value.encode() if isinstance(value, str) else b""


def _messages(value: object) -> Iterator[tuple[dict[str, Any], Said]]:
    """In the order of the state, at whatever depth, up to a number."""
    waiting = [value]
    for _ in range(MOST):
        if not waiting:
            return
        one = waiting.pop()
        if isinstance(one, dict):
            if (said := said_in(one)) is not None:
                yield one, said
                continue
            waiting += reversed(list(one.values()))
        elif isinstance(one, list):
            waiting += reversed(one)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
