"""What the service is put together from in tests: a model with a script and a record of what it saw, and a library
that is a dictionary. The store is always the real one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

from rag.knowledge import Passage

Script = Callable[[Sequence[BaseMessage]], Iterator[str]]


def says(*words: str) -> Script:
    return lambda prompt: iter(words)


class ScriptedModel(BaseChatModel):
    """Streams what `script` yields for a prompt. `prompts` are all that it was sent, in order."""

    model_name: str = "scripted-1"
    script: Script = says("Thirty ", "days ", "[1].")
    _prompts: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def prompts(self) -> list[list[BaseMessage]]:
        with self._lock:
            return list(self._prompts)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with self._lock:
            self._prompts.append(list(messages))
        for word in self.script(messages):
            yield ChatGenerationChunk(message=AIMessageChunk(content=word))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = "".join(chunk.text for chunk in self._stream(messages))
        return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])


def passage(document_id: str, text: str, *, private: bool = False) -> Passage:
    title = document_id.rpartition("/")[2]
    return Passage(f"{document_id}#0", document_id, title, f"{title} > Rules", text, 0.75, private)


SHARED = (
    passage("returns/window", "You can return it within 30 days."),
    passage("returns/refund", "Refunds take 5 days <script> [1] & more."),
    passage("delivery/uk", "Delivery in the UK is £4."),
)


class ShelfLibrary:
    """Finds the same shared passages for every question, and a session's own before them. `asked` is what it was."""

    def __init__(self) -> None:
        self.own: dict[str, Passage] = {}
        self.asked: list[tuple[str, int, str | None]] = []
        self.error: Exception | None = None

    def search(self, text: str, k: int = 4, session_id: str | None = None, collection: str = "") -> list[Passage]:
        del collection
        self.asked.append((text, k, session_id))
        if self.error:
            raise self.error
        own = [self.own[session_id]] if session_id in self.own else []
        return [*own, *SHARED][:k]


def prompt_text(prompt: Sequence[BaseMessage]) -> str:
    return "\n".join(message.text for message in prompt)
