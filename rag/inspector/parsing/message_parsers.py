"""One stored element of a history, read leniently: what cannot be shown as a message says why, and nothing is changed.

Each format has a function from an element's bytes to a `Said`. They are called a million times in a scan, so the usual
element takes a short way; every other one is judged by the store's own decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from rag.errors import SealBroken
from rag.inspector.timestamps import instant, seconds
from rag.sessions.messages.codec import StoredMessage, Unreadable, decode, decode_plain
from rag.sessions.messages.seal import Seal

ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}
THEIR_ROLES = {"user": "user", "assistant": "assistant", "chatbot": "assistant", "model": "assistant"}
_BRACES = re.compile(r"\{([^{}]+)\}")


class Said(NamedTuple):
    """role: user, assistant, system, tool or other. place: names the element, unlike `id`, the message's own.

    at: epoch seconds, 0 if the format does not say. owner: the session that it names, None if it names none.
    problem: "", or why the store would not show it: foreign, tampered, corrupt, or sealed with a key that is not here.
    calls: it asks for tools, so an answer is still to come.
    """

    role: str
    text: str
    id: str = ""
    place: str = ""
    turn: int = 0
    at: float = 0.0
    documents: tuple[str, ...] = ()
    tokens: int | None = None
    owner: str | None = None
    problem: str = ""
    detail: str = ""
    calls: bool = False


Parse = Callable[[bytes, str], Said]


def ours(seal: Seal | None) -> Parse:
    def parse(raw: bytes, session_id: str) -> Said:
        value = json_object(raw)
        if value is None:
            return broken("corrupt", "not a JSON object")
        owner = value.get("session_id")
        if owner != session_id:
            named = owner if isinstance(owner, str) else None
            what = "it names no session" if named is None else "it names another session"
            return _loosely(value)._replace(owner=named, problem="foreign", detail=what)
        data = value.get("data")
        if "sealed" not in value and data is not None and _simple(value, data):
            return Said(
                ROLES[value["type"]],
                data["content"],
                data.get("id") or "",
                value["id"],
                value["turn"],
                value["at"],
                tuple(value.get("documents", ())),
                None,
                owner,
            )
        return _judged(raw, session_id, seal, value)

    return parse


def classic(raw: bytes, session_id: str) -> Said:
    """LangChain's `message_to_dict`, and nothing around it."""
    del session_id
    try:
        record = decode_plain(raw)
    except Unreadable as exc:
        return broken("corrupt", str(exc))
    except Exception as exc:  # messages raise whatever comes of odd values
        return broken("corrupt", f"not a stored message: {type(exc).__name__}")
    return _of(record)


def llama_index(raw: bytes, session_id: str) -> Said:
    """LlamaIndex' `ChatMessage`: role and blocks, or, before 0.12, role and content."""
    del session_id
    value = json_object(raw)
    if value is None or not isinstance(value.get("role"), str):
        return broken("corrupt", "no chat message of LlamaIndex: expected role and blocks")
    content = value.get("blocks", value.get("content"))
    if not isinstance(content, str | list | None):
        return broken("corrupt", "no chat message of LlamaIndex: expected blocks or content")
    extra = value.get("additional_kwargs")
    calls = isinstance(extra, dict) and bool(extra.get("tool_calls"))
    calls = calls or (isinstance(content, list) and any(_kind(block) == "tool_call" for block in content))
    role = value["role"].lower()
    return Said(THEIR_ROLES.get(role, ROLES.get(role, "other")), text_of(content), calls=calls)


def document(raw: bytes, session_id: str) -> Said:
    """langchain-redis: one JSON document a message, that names its session."""
    value = json_object(raw)
    if value is None:
        return broken("corrupt", "not a JSON object")
    data, owner, at = value.get("data"), value.get("session_id"), value.get("timestamp")
    if not isinstance(data, dict) or not isinstance(data.get("content"), str | list):
        return broken("corrupt", "no message of langchain-redis: expected data with content")
    said = _loosely(value)._replace(
        owner=owner if isinstance(owner, str) else None,
        at=seconds(at),
        place=str(value.get("message_id") or ""),
    )
    return said if owner == session_id else said._replace(problem="foreign", detail="it names another session")


def document_by_key(raw: bytes, session_id: str) -> Said:
    """The same, where the session is the whole of a key's name before the message's: `chat:<id>`."""
    said = document(raw, session_id)
    own = said.owner is not None and session_id.endswith(f":{said.owner}")
    return said._replace(problem="", detail="") if own and said.problem == "foreign" else said


def spring_document(raw: bytes, session_id: str) -> Said:
    """Spring AI: one JSON document a message, that names its conversation."""
    value = json_object(raw)
    if value is None or not isinstance(value.get("type"), str) or not isinstance(value.get("content"), str | list):
        return broken("corrupt", "no message of Spring AI: expected type and content")
    owner, kind = value.get("conversation_id"), value["type"].lower()
    said = Said(
        THEIR_ROLES.get(kind, ROLES.get(kind, "other")),
        text_of(value["content"]),
        at=instant(value.get("timestamp")),
        owner=owner if isinstance(owner, str) else None,
        calls=bool(value.get("toolCalls")),
    )
    # In the key's name what is special to its search index is escaped.
    own = said.owner is not None and _plain(session_id).endswith(_plain(said.owner))
    return said if own else said._replace(problem="foreign", detail="it names another session")


def elsewhere(raw: bytes, session_id: str) -> Said:
    """An element of the app's own form, in a list that is not one of this store's: the id is between braces."""
    found = _BRACES.search(session_id)
    return ours(None)(raw, found[1] if found else session_id)


def text_of(content: object) -> str:
    """The text in a message's content: itself, or that of its blocks."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = content.get("text", content.get("parts", content.get("content")))
        content = [content] if isinstance(content, str) else content
    parts = content if isinstance(content, list) else []
    texts = (part if isinstance(part, str) else part.get("text") for part in parts if isinstance(part, str | dict))
    return "".join(text for text in texts if isinstance(text, str))


def _simple(value: dict[str, Any], data: Any) -> bool:
    """Whether the store's decoder is sure to take it, with nothing in it that matters here but its text."""
    return (
        value.get("type") in ("human", "ai")
        and type(data) is dict
        and type(data.get("content")) is str
        and type(value.get("turn")) is int
        and type(value.get("at")) in (float, int)
        and type(value.get("id")) is str
        and not data.get("tool_calls")
        and not data.get("usage_metadata")
        and type(data.get("additional_kwargs", {})) is dict
        and type(data.get("response_metadata", {})) is dict
        and type(data.get("id") or "") is str
        and type(value.get("documents", [])) is list
    )


def _judged(raw: bytes, session_id: str, seal: Seal | None, value: dict[str, Any]) -> Said:
    try:
        return _of(decode(raw, session_id, seal))
    except SealBroken as exc:
        return _loosely(value)._replace(owner=session_id, problem="sealed", detail=exc.reason)
    except Unreadable as exc:
        return _loosely(value)._replace(owner=session_id, problem=exc.reason, detail=str(exc))
    except Exception as exc:  # messages raise whatever comes of odd values
        return _loosely(value)._replace(
            owner=session_id, problem="corrupt", detail=f"not a stored message: {type(exc).__name__}"
        )


def _of(record: StoredMessage) -> Said:
    message = record.message
    usage = getattr(message, "usage_metadata", None) or {}
    return Said(
        ROLES.get(message.type, "other"),
        text_of(message.content),
        message.id or "",
        record.id,
        record.turn,
        record.at,
        record.documents,
        usage.get("total_tokens"),
        record.session_id,
        calls=bool(getattr(message, "tool_calls", None)),
    )


def _loosely(value: dict[str, Any]) -> Said:
    """Whatever of a message can be recognised."""
    data = value.get("data")
    data = data if isinstance(data, dict) else {}
    turn, at, place = value.get("turn"), value.get("at"), value.get("id")
    return Said(
        ROLES.get(str(value.get("type")), "other"),
        text_of(data.get("content")),
        str(data.get("id") or ""),
        place if isinstance(place, str) else "",
        turn if isinstance(turn, int) else 0,
        seconds(at),
        calls=bool(data.get("tool_calls")),
    )


def json_object(raw: bytes) -> dict[str, Any] | None:
    """None if these bytes are none, or one that is nested too deep."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def _plain(name: str) -> str:
    return "".join(one for one in name if one.isalnum())


def _kind(block: object) -> object:
    return block.get("block_type") if isinstance(block, dict) else None


def broken(problem: str, detail: str) -> Said:
    """An element that cannot be shown as a message."""
    return Said("other", "", problem=problem, detail=detail)
