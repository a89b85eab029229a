"""A chat model that needs no network: it repeats what its prompt says that the user has said."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult


class Repeating(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "repeating"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        said = " ".join(message.text for message in messages if isinstance(message, HumanMessage))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"You told me: {said}"))])
