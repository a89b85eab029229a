"""Questions, answers and messages out of what tools record as input and output: text, chat messages in the shapes of
OpenAI, Gemini, OpenTelemetry and LangChain, arguments of a function, or any of these as JSON in a text.

Bounded in depth and length; what is none of these gives nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign.exchange import LONGEST

DEEPEST = 8
MOST = 2000
"""Messages of one prompt, the newest."""
PARSED = 8 << 20
"""Characters of JSON within a text."""

ROLES = {
    **dict.fromkeys(("user", "human", "humanmessage", "humanmessagechunk"), "user"),
    **dict.fromkeys(("assistant", "ai", "model", "aimessage", "aimessagechunk"), "assistant"),
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("tool", "function", "toolmessage", "functionmessage"), "tool"),
}
_HOLDERS = ("messages", "input", "inputs", "kwargs", "contents", "prompts", "prompt", "request")
"""Keys under which a prompt's messages are."""
_ASKED = (
    *("question", "input", "query", "message", "user_input", "userInput", "user_message", "chatInput", "user_query"),
    *("prompt", "text", "content", "parts", "inputs", "kwargs", "args", "prompts", "messages"),
)
_ANSWERED = (
    *("answer", "output", "response", "result", "reply", "completion", "generations", "choices", "candidates"),
    *("message", "messages", "content", "text", "parts", "outputs", "output_text", "kwargs", "data"),
)


def question(value: Any) -> str | None:
    """What the user typed: the last user's message, or the text."""
    return _told(opened(value), _ASKED, "user", 0)


def answer(value: Any) -> str | None:
    """What the user was told: the last message of the assistant, or the text."""
    return _told(opened(value), _ANSWERED, "assistant", 0)


def messages(value: Any) -> tuple[Message, ...]:
    """The messages of a prompt; empty where it has none."""
    return tuple(_messages(opened(value), 0))[-MOST:]


def opened(value: Any) -> Any:
    """What a text holds, if that is JSON: an object, a list or a text."""
    if isinstance(value, str) and len(value) <= PARSED and value.lstrip()[:1] in ("{", "[", '"'):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _told(value: Any, keys: Sequence[str], role: str, depth: int) -> str | None:
    if depth > DEEPEST:
        return None
    if isinstance(value, str):
        return value[:LONGEST] if value.strip() else None
    if said := list(_messages(value, depth)):
        return next((one.text for one in reversed(said) if one.role == role), None)
    if isinstance(value, list):
        if parts := list(filter(None, map(_part, value[:MOST]))):
            # Arguments of a function: ids and options are shorter than what was said.
            return max(parts, key=len)
        return next((text for one in value[:MOST] if (text := _told(one, keys, role, depth + 1))), None)
    if isinstance(value, dict):
        held = (_told(opened(value[key]), keys, role, depth + 1) for key in keys if value.get(key) is not None)
        only = next(iter(value.values()), None) if len(value) == 1 else None
        return next(filter(None, held), only[:LONGEST] if isinstance(only, str) and only.strip() else None)
    return None


def _messages(value: Any, depth: int) -> Iterator[Message]:
    if depth > DEEPEST:
        return
    if isinstance(value, list):
        said = [message for one in value[-MOST:] if (message := _message(one)) is not None]
        if said:
            yield from said
        elif len(value) == 1 and isinstance(value[0], list):
            yield from _messages(value[0], depth + 1)
    elif isinstance(value, dict):
        if (one := _message(value)) is not None:
            yield one
            return
        for key in _HOLDERS:
            if isinstance(held := opened(value.get(key)), list | dict) and (said := list(_messages(held, depth + 1))):
                yield from said
                return


def _message(value: Any) -> Message | None:
    """Of OpenAI (`role`, `content`), Gemini and OpenTelemetry (`role`, `parts`), or LangChain: `type` and `content` or
    `data`, the constructor with `kwargs`, or the pair of role and text."""
    if isinstance(value, list):
        pair = len(value) == 2 and all(isinstance(one, str) for one in value) and value[0].lower() in ROLES
        return Message(ROLES[value[0].lower()], value[1][:LONGEST]) if pair else None
    if not isinstance(value, dict):
        return None
    made = value.get("kwargs")
    if isinstance(made, dict) and isinstance(value.get("id"), list) and value["id"]:
        return _of(value["id"][-1], made)
    if isinstance(value.get("data"), dict):
        return _of(value.get("type"), value["data"])
    return _of(value.get("role") or value.get("type"), value)


def _of(role: Any, held: dict[str, Any]) -> Message | None:
    known = ROLES.get(role.lower()) if isinstance(role, str) else None
    if known is None:
        return None
    for key in ("content", "parts", "text"):
        if held.get(key) is not None:
            text = _text(held[key])
            return Message(known, text) if text else None
    return None


def _text(content: Any) -> str:
    """Of a message: text, or parts of which some are text."""
    if isinstance(content, list):
        return "\n".join(filter(None, map(_part, content[:MOST])))[:LONGEST]
    return _part(content)


def _part(part: Any) -> str:
    """A part that is text; calls of tools, pictures and thoughts are none."""
    if isinstance(part, dict) and part.get("type", "text") in ("text", "input_text", "output_text"):
        part = part.get("text", part.get("content"))
    return part[:LONGEST] if isinstance(part, str) else ""
