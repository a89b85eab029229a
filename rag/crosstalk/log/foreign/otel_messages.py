"""The messages of one GenAI span, in each way in which the conventions have recorded them: attributes with JSON
(`gen_ai.input.messages`), one attribute a message (`gen_ai.prompt.0.content`), `gen_ai.prompt` in one text, events of
the span, and log records. https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign import chat
from rag.crosstalk.log.foreign.exchange import Record, first, mapping

DEEPEST = 12
INPUTS = ("gen_ai.input.messages", "gen_ai.prompt", "gen_ai.request.messages")
OUTPUTS = ("gen_ai.output.messages", "gen_ai.completion", "gen_ai.response.messages")
SYSTEM = "gen_ai.system_instructions"
_SAID = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
CHOICE = "gen_ai.choice"
CONTENT = "gen_ai.event.content"
MOST_NUMBERED = 2000


def attributes(value: Any) -> dict[str, Any]:
    """Of a list of keys and values, as OTLP has them."""
    return _pairs(value, 0)


def body(value: Any) -> Record:
    """Of a log record: an object, a text that holds one, or nothing that is known."""
    return mapping(chat.opened(_value(value, 0)))


def of_span(known: Record, events: Sequence[tuple[str, Record]]) -> tuple[tuple[Message, ...], str | None]:
    """What the model was given, and what it answered; None: nothing, or it was not recorded."""
    given: list[Message] = []
    told: str | None = None
    for source in (known, *(record for _, record in events)):
        given += _given(source) if not given else ()
        told = told if told is not None else _told(source)
    for name, record in events:
        content = mapping(chat.opened(record.get(CONTENT))) or record
        if name in _SAID and (text := chat.answer(content.get("content"))):
            given.append(Message(_SAID[name], text))
        elif name == CHOICE and told is None:
            told = chat.answer(first(content, "message", "content"))
    return tuple(given[-chat.MOST :]), told


def _given(source: Record) -> list[Message]:
    system = chat.answer(source.get(SYSTEM))
    found = [Message("system", system)] if system else []
    for key in INPUTS:
        if source.get(key) is None:
            continue
        said = chat.messages(source[key])
        if not said and (text := chat.question(source[key])):
            said = (Message("user", text),)
        if said:
            return [*found, *said]
    return [*found, *_numbered(source, "gen_ai.prompt")]


def _told(source: Record) -> str | None:
    for key in OUTPUTS:
        if source.get(key) is not None and (text := chat.answer(source[key])):
            return text
    return next((one.text for one in _numbered(source, "gen_ai.completion")), None)


def _numbered(source: Record, prefix: str) -> Iterator[Message]:
    for number in range(MOST_NUMBERED):
        content = source.get(f"{prefix}.{number}.content")
        role = source.get(f"{prefix}.{number}.role")
        if content is None and role is None:
            return
        known = chat.ROLES.get(role.lower(), "system") if isinstance(role, str) else "assistant"
        if (text := chat.answer(content)) is not None:
            yield Message(known, text)


def _pairs(value: Any, depth: int) -> dict[str, Any]:
    if not isinstance(value, list):
        return {}
    return {
        one["key"]: _value(one.get("value"), depth)
        for one in value
        if isinstance(one, dict) and isinstance(one.get("key"), str)
    }


def _value(value: Any, depth: int) -> Any:
    """Of an AnyValue; None for what is too deep or none."""
    if not isinstance(value, Mapping) or depth > DEEPEST:
        return None
    for kind in ("stringValue", "boolValue", "doubleValue"):
        if kind in value:
            return value[kind]
    if "intValue" in value:
        # A whole number of 64 bits is a text in JSON.
        number = value["intValue"]
        whole = isinstance(number, str) and len(number) < 21 and number.isascii() and number.isdigit()
        return int(number) if whole else number
    if "arrayValue" in value:
        held = mapping(value["arrayValue"]).get("values")
        return [_value(one, depth + 1) for one in held] if isinstance(held, list) else []
    if "kvlistValue" in value:
        return _pairs(mapping(value["kvlistValue"]).get("values"), depth + 1)
    return None
