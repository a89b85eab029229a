"""Messages of langchain-core: what LangGraph's and LangChain's stores keep."""

from __future__ import annotations

import contextlib
from typing import Any

from rag.audit.kit.contract import Said


def message_of(said: Said) -> Any:
    from langchain_core.messages import AIMessage, HumanMessage

    return HumanMessage(said[1]) if said[0] == "user" else AIMessage(said[1])


def said_of(message: Any) -> Said:
    role = {"human": "user", "ai": "assistant"}.get(message.type, message.type)
    return role, message.content if isinstance(message.content, str) else str(message.content)


def message_samples() -> list[Any]:
    """One message of each class of langchain-core, every field filled."""
    from langchain_core import messages as kinds

    more: dict[str, Any] = {"additional_kwargs": {"kept": [1, {"two": None}]}, "response_metadata": {"model": "m"}}
    call = {"name": "look_up", "args": {"id": 7, "exact": True}, "id": "call-1", "type": "tool_call"}
    usage = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
    found: list[Any] = [
        kinds.SystemMessage("You are brief.", id="m1", name="rules", **more),
        kinds.HumanMessage([{"type": "text", "text": "Ünïcode 🙂\n\ttab"}, {"type": "image_url"}]),
        kinds.AIMessage("", id="m3", tool_calls=[call], usage_metadata=usage, **more),
        kinds.ToolMessage('{"found": 7}', tool_call_id="call-1", name="look_up", artifact={"raw": [7]}, status="error"),
        kinds.ChatMessage(content="Noted.", role="critic"),
    ]
    with contextlib.suppress(AttributeError):
        found.append(kinds.FunctionMessage(content="7", name="old_style"))
    return found
