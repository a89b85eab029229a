"""An export, read back: into new sessions, to reproduce a user's trouble, or, to undo a deletion, as what it was.

A session is written by one script, whole, and only where there is none: nothing is ever overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage, messages_from_dict

from rag.errors import CrosswireError
from rag.inspector.actions.exporting import FORMAT, VERSION
from rag.inspector.forensics.scan import COPIES
from rag.inspector.inspector import Inspector
from rag.inspector.layouts.crosswire import Own
from rag.sessions.connection.errors import translated
from rag.sessions.ids import SessionId
from rag.sessions.messages.codec import Place, encode
from rag.sessions.messages.seal import close_field
from rag.sessions.operations import read_only
from rag.sessions.protocol import index_entries

LARGEST = 256 << 20

WRITE = """
-- Write a whole session, if there is none. KEYS: history, session, trace.
-- ARGV: ttl (s, 0: for ever), how many fields, how many traces, field, value, …, trace, …, message, …
-- Returns 1, or 0 if there was one.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
local last = 3 + 2 * tonumber(ARGV[2])
redis.call('HSET', KEYS[2], unpack(ARGV, 4, last))
redis.call('DEL', KEYS[3])
for i = last + 1, last + tonumber(ARGV[3]) do redis.call('RPUSH', KEYS[3], ARGV[i]) end
for i = last + tonumber(ARGV[3]) + 1, #ARGV, 1000 do
  redis.call('RPUSH', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
if ARGV[1] ~= '0' then
  redis.call('EXPIRE', KEYS[1], ARGV[1])
  redis.call('EXPIRE', KEYS[2], ARGV[1])
  redis.call('EXPIRE', KEYS[3], ARGV[1])
end
return 1
"""


def read_export(text: str | bytes) -> list[dict[str, Any]]:
    """The sessions of an export. Raises CrosswireError for what is none."""
    if len(text) > LARGEST:
        raise _bad(f"it has {len(text):,} bytes, and {LARGEST:,} are the most")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise _bad(f"it is not JSON ({exc})") from exc
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _bad(f"it does not say that its format is {FORMAT!r}")
    if value.get("version") != VERSION:
        raise _bad(f"its version is {value.get('version')!r}, and {VERSION} was expected")
    sessions = value.get("sessions")
    if not isinstance(sessions, list) or not all(map(_is_session, sessions)):
        raise _bad("its sessions are not lists of messages")
    return sessions


def import_new(inspector: Inspector, session: dict[str, Any], who: str) -> str:
    """Into a session of its own, whose id is returned; it lives as long as any other from now on."""
    sid = SessionId(f"{COPIES}{os.urandom(16).hex()}")
    _write(inspector, sid, session, own_ttl=None)
    inspector.store.audit.add("import", sid, who)
    return sid


def restore(inspector: Inspector, session: dict[str, Any], who: str, traces: Sequence[bytes] = ()) -> str | None:
    """As what it was, with a full time to live; None if there is such a session again. traces: as they were stored."""
    sid = SessionId(session["id"])
    if not _write(inspector, sid, session, session.get("ttl"), traces):
        return None
    inspector.store.audit.add("restore", sid, who)
    return sid


def own_histories(inspector: Inspector) -> Own:
    """Raises ReadOnly for those of another format."""
    if not isinstance(inspector.histories, Own):
        raise read_only(inspector.layout.name)  # type: ignore[arg-type]
    return inspector.histories


def _write(
    inspector: Inspector, sid: SessionId, session: dict[str, Any], own_ttl: str | None, traces: Sequence[bytes] = ()
) -> bool:
    protocol, keys = inspector.store.protocol, own_histories(inspector).keys
    kept = [message for message in session["messages"] if not message.get("problem")]
    turns = _turns(kept)
    lines = _lines(inspector, sid, kept, turns)
    now, token = round(protocol.now(), 3), protocol.token()
    ttl = int(own_ttl) if own_ttl is not None and own_ttl.isdigit() else protocol.ttl
    fields: dict[str, Any] = {
        "turns": max(turns, default=0),
        "seen": now,
        "epoch": token,
        "created": _seconds(session, "created", now),
    }
    if own_ttl is not None:
        fields["ttl"] = own_ttl
    for name in ("title", "summary"):
        if isinstance(session.get(name), str) and session[name]:
            fields[name] = close_field(protocol.seal, sid, name, session[name])
    fields |= {name: known for name in ("trimmed", "summary_turns") if (known := _whole(session, name))}
    if isinstance(session.get("model"), str):
        fields["model"] = session["model"]
    pairs = [part for pair in fields.items() for part in pair]
    own = keys.of(sid)
    with translated(inspector.target):
        args = (ttl, len(fields), len(traces), *pairs, *traces, *lines)
        if not inspector.client.eval(WRITE, 3, own.history, own.session, own.trace, *args):
            return False
        for command in index_entries.seen(keys, sid, now, ttl, new=True):
            inspector.client.execute_command(*command)
    return True


def _turns(messages: list[dict[str, Any]]) -> list[int]:
    """The turn of each message; where it is not known, a turn begins with each question."""
    turns, current = [], 1
    for number, message in enumerate(messages):
        known = _whole(message, "turn")
        current = known or current + (number > 0 and message.get("role") == "user")
        turns.append(current)
    return turns


def _lines(inspector: Inspector, sid: SessionId, messages: list[dict[str, Any]], turns: list[int]) -> list[bytes]:
    """Each message as the store writes it, in its own turn and of its own time."""
    lines, token, now = [], inspector.store.protocol.token(), round(inspector.now, 3)
    for number, (message, turn) in enumerate(zip(messages, turns, strict=True)):
        documents = message.get("documents")
        used = tuple(str(one) for one in documents) if isinstance(documents, list) else ()
        place = Place(sid, turn, _seconds(message, "at", now), f"{token}.{number}", used)
        lines += encode([_message(message)], place, inspector.store.protocol.seal)
    return lines


def _message(message: dict[str, Any]) -> BaseMessage:
    inner = message.get("message")
    if not isinstance(inner, dict):
        inner = _plain(str(message.get("role")), str(message.get("text", "")))
    try:
        (found,) = messages_from_dict([inner])
    except (ValueError, TypeError, KeyError) as exc:
        raise _bad(f"message {message.get('number')} is none of LangChain's") from exc
    return found


def _plain(role: str, text: str) -> dict[str, Any]:
    """A message of which only role and text are known."""
    kind = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}.get(role, "chat")
    more = {"tool": {"tool_call_id": ""}, "chat": {"role": role}}.get(kind, {})
    return {"type": kind, "data": {"content": text, **more}}


def _whole(known: dict[str, Any], name: str) -> int:
    value = known.get(name)
    return value if type(value) is int and 0 <= value < 1 << 53 else 0


def _seconds(known: dict[str, Any], name: str, otherwise: float) -> float:
    value = known.get(name)
    return float(value) if isinstance(value, int | float) and 0 < value < 1e11 else otherwise


def _is_session(one: object) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("id"), str)
        and isinstance(one.get("messages"), list)
        and all(isinstance(message, dict) for message in one["messages"])
    )


def _bad(reason: str) -> CrosswireError:
    return CrosswireError(f"This is no export of sessions: {reason}. Expected the JSON that `sessions export` writes.")
