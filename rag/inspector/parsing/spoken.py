"""A message of any product whose JSON says who speaks and what: `role` and `content`, and the names that others use.

Sources of the names: OpenAI's chat completions and Responses items; Anthropic's and Gemini's blocks and parts;
langchain4j's ChatMessageSerializer (`type`, `contents`); Spring AI's Message (`messageType`, `textContent`);
LangChain's `message_to_dict` (`type`, `data`) and constructors (`lc`, `kwargs`); agent-memory-server's MemoryMessage.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from rag.inspector.parsing.message_parsers import Parse, Said, broken, json_object, text_of
from rag.inspector.timestamps import instant

SPEAKERS = {
    **dict.fromkeys(("user", "human", "humanmessage", "humanmessagechunk", "customer", "client", "visitor"), "user"),
    **dict.fromkeys(
        ("assistant", "ai", "aimessage", "aimessagechunk", "bot", "chatbot", "model", "agent"), "assistant"
    ),
    **dict.fromkeys(("system", "systemmessage", "developer"), "system"),
    **dict.fromkeys(("tool", "toolmessage", "function", "tool_execution_result"), "tool"),
    "other": "other",
}
WHO = ("role", "type", "messageType", "message_type", "sender", "speaker", "author", "from")
SAYS = ("content", "text", "textContent", "contents", "blocks", "parts", "message", "body")
SESSION = (
    *("session_tag", "session_id", "sessionId", "conversation_id", "conversationId"),
    *("thread_id", "threadId", "chat_id", "chatId"),
)
"""What products call the id of a session."""
DEEPEST = 3
"""Objects around a list of messages."""
LOOKED_AT = 20
"""Elements of a JSON array that tell whether it holds messages."""
UNIQUE = 12
"""Characters from which on a message's id is taken to be nobody else's: shorter ones count within a conversation."""
REST = "other"
"""Who speaks where a value holds more than its messages: a summary, a title, metadata."""


def said_in(value: object) -> Said | None:
    """What this object says, None if it is no message."""
    if not isinstance(value, dict):
        return None
    if value.get("lc") and isinstance(value.get("kwargs"), dict):
        value = _constructed(value)
    inner = value.get("data")
    if isinstance(inner, dict) and speaker(value):
        value = {"type": value.get("type"), **inner, "role": value.get("role", value.get("type"))}
    kind = value.get("type")
    if kind == "function_call" and isinstance(value.get("name"), str):
        return Said("assistant", text_of(value.get("arguments")), calls=True)
    if kind == "function_call_output":
        return Said("tool", text_of(value.get("output")))
    role = speaker(value)
    if not role:
        return None
    content = next((value[name] for name in SAYS if value.get(name) is not None), None)
    calls = any(value.get(name) for name in ("tool_calls", "toolCalls", "toolExecutionRequests", "function_call"))
    if content is None and not calls and "content" not in value:
        return None
    own = value.get("id")
    named = isinstance(own, str) and len(own) >= UNIQUE
    at = next((value[name] for name in ("timestamp", "created_at", "createdAt", "ts") if name in value), 0)
    said = Said(role, text_of(content), str(own) if named else "", at=instant(at))
    owner = next((one for name in SESSION if isinstance(one := value.get(name), str) and one), None)
    return said._replace(calls=calls or _uses_tools(content), owner=owner)


def speaker(value: dict[str, Any]) -> str:
    """user, assistant, system, tool or other; empty if it is not said, or by somebody else."""
    named = (value.get(name) for name in WHO)
    return next((SPEAKERS[one.lower()] for one in named if isinstance(one, str) and one.lower() in SPEAKERS), "")


def spoken(raw: bytes, session_id: str) -> Said:
    """An element that is one JSON object."""
    del session_id
    value = json_object(raw)
    if value is None:
        return broken("corrupt", "not a JSON object")
    return said_in(value) or broken("corrupt", "no message: expected who speaks, and what")


def lenient(parse: Parse) -> Parse:
    """A parser that also takes what is a message in another form: lists outlive the versions that wrote them."""

    def parsed(raw: bytes, session_id: str) -> Said:
        said = parse(raw, session_id)
        if said.problem != "corrupt":
            return said
        other = spoken(raw, session_id)
        return said if other.problem else other

    return parsed


def conversation(value: object) -> tuple[list[Any], object] | None:
    """The one list of messages that this JSON value holds, and the rest of it (None if nothing is left).

    None also where it holds several: then whose they are is not known.
    """
    if isinstance(value, list):
        return (value, None) if _of_messages(value) else None
    found = list(_lists(value, 0, ()))
    if len(found) != 1:
        return None
    messages, path = found[0]
    return messages, _without(value, path)


def elements(messages: list[Any], rest: object) -> Iterator[bytes]:
    """As the elements of a history: each message's JSON, and after them what the value holds besides."""
    for one in messages:
        yield orjson.dumps(one)
    if rest:
        yield orjson.dumps({"role": REST, "content": orjson.dumps(rest).decode()})


def _lists(value: object, depth: int, path: tuple[str, ...]) -> Iterator[tuple[list[Any], tuple[str, ...]]]:
    if not isinstance(value, dict) or depth >= DEEPEST:
        return
    for name, inner in value.items():
        if isinstance(inner, list):
            if _of_messages(inner):
                yield inner, (*path, name)
        else:
            yield from _lists(inner, depth + 1, (*path, name))


def _without(value: Any, path: tuple[str, ...]) -> object:
    name, *deeper = path
    rest = {key: one for key, one in value.items() if key != name}
    if deeper and (inner := _without(value[name], tuple(deeper))):
        rest[name] = inner
    return rest or None


def _of_messages(values: list[Any]) -> bool:
    return any(_of_a_chat(value) for value in values[:LOOKED_AT])


def _of_a_chat(value: object) -> bool:
    """A notice of the system alone may be anything's; `role` and `content` together are a prompt's."""
    said = said_in(value)
    named = isinstance(value, dict) and "role" in value and "content" in value
    return said is not None and said.role != REST and (said.role in ("user", "assistant") or named)


def _constructed(value: dict[str, Any]) -> dict[str, Any]:
    """LangChain's `{"lc": 1, "type": "constructor", "id": […, "HumanMessage"], "kwargs": {…}}`."""
    named = value.get("id")
    kind = named[-1] if isinstance(named, list) and named else ""
    return {"type": kind, **value["kwargs"]}


def _uses_tools(content: object) -> bool:
    kinds = (part.get("type") for part in content if isinstance(part, dict)) if isinstance(content, list) else ()
    return any(kind in ("tool_use", "tool_call", "function_call") for kind in kinds)
