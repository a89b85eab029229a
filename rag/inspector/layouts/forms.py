"""How each layout is recognised: by what a key's value is, whatever the key is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from rag.inspector.parsing.looks import JSON, Look
from rag.inspector.parsing.message_parsers import ROLES, json_object
from rag.inspector.parsing.spoken import conversation, said_in

Claims = Callable[[Look], bool]
MANY = 3
"""Sessions that the elements of one key name, from which on they are nobody's history."""
_CHAT4J = {"USER", "AI", "SYSTEM", "TOOL_EXECUTION_RESULT", "CUSTOM"}


@lru_cache(maxsize=4)
def parsed(raw: bytes) -> Any:
    """A JSON text's value, also if it was written as a JSON string of JSON; None if it is none.

    The last ones are remembered: several layouts look at the same text. Do not change it.
    """
    try:
        value = orjson.loads(raw)
        return orjson.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value
    except ValueError:
        return None


def list_of(form: Callable[[dict[str, Any]], bool]) -> Claims:
    """A list one of whose elements at the ends is such an object: others may be broken."""

    def claims(look: Look) -> bool:
        objects = [json_object(part) for part in look.parts] if look.type == "list" else []
        return any(form(one) for one in objects if one is not None) and not of_many(objects)

    return claims


def of_many(objects: Sequence[object]) -> bool:
    """Whether these name so many sessions that they are no session's, but a queue's or a log's."""
    owners = {said.owner for said in map(said_in, objects) if said is not None and said.owner}
    return len(owners) >= MANY


def text_of_conversation(form: Callable[[Any], bool]) -> Claims:
    """A text or a document that holds one list of messages."""

    def claims(look: Look) -> bool:
        if look.type not in ("string", JSON) or look.too_large or not look.parts or look.parts[0][:1] not in b'[{" \n':
            return False
        value = parsed(look.parts[0])
        held = conversation(value)
        return held is not None and form(value) and not of_many(held[0])

    return claims


def held_in(look: Look) -> tuple[list[Any], object] | None:
    """The one list of messages in a text, a document or a field of a hash, and what is beside it."""
    if look.too_large or not look.parts:
        return None
    if look.type != "hash":
        return conversation(parsed(look.parts[0]))
    held = {name: parsed(cell) for name, cell in look.fields.items() if cell[:1] in (b"[", b"{")}
    found = {name: talk for name, value in held.items() if (talk := conversation(value)) is not None}
    if len(found) != 1:
        return None
    name, (messages, rest) = next(iter(found.items()))
    others = {one.decode("utf-8", "replace"): cell.decode("utf-8", "replace") for one, cell in look.fields.items()
              if one != name}  # fmt: skip
    return messages, {**others, name.decode("utf-8", "replace"): rest} if rest else others


def hash_of_conversation(look: Look) -> bool:
    """A hash one field of which holds one list of messages, and no other does."""
    return look.type == "hash" and look.whole and held_in(look) is not None


def document_of(form: Callable[[dict[str, Any]], bool]) -> Claims:
    """A document that is such an object."""

    def claims(look: Look) -> bool:
        value = json_object(look.parts[0]) if look.type == JSON and look.parts and not look.too_large else None
        return value is not None and form(value)

    return claims


def crosswire(value: dict[str, Any]) -> bool:
    return isinstance(value.get("session_id"), str) and "turn" in value and ("data" in value or "sealed" in value)


def classic(value: dict[str, Any]) -> bool:
    data = value.get("data")
    return value.get("type") in ROLES and isinstance(data, dict) and "content" in data and not crosswire(value)


def llama_index(value: dict[str, Any]) -> bool:
    return isinstance(value.get("role"), str) and ("blocks" in value or "additional_kwargs" in value)


def spring_alibaba(value: dict[str, Any]) -> bool:
    return isinstance(value.get("messageType"), str) and bool({"text", "textContent"} & value.keys())


def spoken(value: dict[str, Any]) -> bool:
    """Whatever says who speaks and what, in one of the usual ways."""
    said = said_in(value)
    return said is not None and (said.role in ("user", "assistant", "tool") or {"role", "content"} <= value.keys())


def langchain4j(value: Any) -> bool:
    first = value[0] if isinstance(value, list) else None
    if not isinstance(first, dict) or first.get("type") not in _CHAT4J:
        return False
    return any({"contents", "toolExecutionRequests"} & one.keys() or one.get("type") == "AI" for one in _objects(value))


def agent_memory(value: Any) -> bool:
    return isinstance(value, dict) and {"messages", "memories", "session_id"} <= value.keys()


def anything(value: Any) -> bool:
    return value is not None


def langchain_redis(value: dict[str, Any]) -> bool:
    return {"type", "data", "session_id"} <= value.keys() and isinstance(value["data"], dict)


def spring_ai(value: dict[str, Any]) -> bool:
    return {"type", "content", "conversation_id"} <= value.keys()


def langgraph(look: Look) -> bool:
    """A checkpoint, a pending write or a channel's value, as a hash or as a document."""
    if look.too_large:
        return False
    fields = {name.decode("utf-8", "replace") for name in look.fields}
    if look.type == JSON:
        value = json_object(look.parts[0]) if look.parts else None
        fields = set(value or ())
        if "thread_id" not in fields:
            return False
    return {"checkpoint", "metadata"} <= fields or ({"channel", "type"} <= fields and bool({"value", "blob"} & fields))


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    return [one for one in values[:20] if isinstance(one, dict)]
