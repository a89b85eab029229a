"""LangChain's messages and ours, one into the other: only who said what counts here."""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.crosstalk.log.events import Message

_ROLES = {"human": "user", "ai": "assistant"}


def plain(messages: Iterable[BaseMessage]) -> list[Message]:
    return [Message(_ROLES.get(message.type, "system"), str(message.content)) for message in messages]


def langchain(messages: Iterable[Message]) -> list[BaseMessage]:
    return [HumanMessage(text.text) if text.role == "user" else AIMessage(text.text) for text in messages]
