"""The model that answers when none is configured. A pure function of its prompt: it quotes the sources and this
person's own words, and says nothing else. Deterministic, stateless, no network."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from rag.chat.compose import Draft, compose
from rag.chat.prompt import parse_earlier, parse_sources
from rag.chat.summarise import SAID

NAME = "offline-extractive"
_TOKEN = re.compile(r"\S+\s*|\s+")


class OfflineChatModel(BaseChatModel):
    """Extractive chat model over prompts made by `build_prompt`.

    `similarity(text, others)` gives cosines of meaning and improves the choice of sentences. `delay` is a pause in
    seconds before each streamed word, for demos.
    """

    model_name: str = NAME
    similarity: Callable[[str, Sequence[str]], Sequence[float]] | None = Field(default=None, exclude=True)
    delay: float = Field(default=0.0, ge=0.0)

    @property
    def _llm_type(self) -> str:
        return NAME

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del run_manager, kwargs
        draft = self._draft(messages)
        message = AIMessage(_stopped(draft.text, stop), response_metadata=self._metadata(draft))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        del kwargs
        draft = self._draft(messages)
        words = _TOKEN.findall(_stopped(draft.text, stop))
        for index, word in enumerate(words):
            last = index == len(words) - 1
            metadata = self._metadata(draft) if last else {}
            chunk = AIMessageChunk(content=word, response_metadata=metadata, chunk_position="last" if last else None)
            if self.delay:
                time.sleep(self.delay)
            if run_manager is not None:
                run_manager.on_llm_new_token(word, chunk=ChatGenerationChunk(message=chunk))
            yield ChatGenerationChunk(message=chunk)

    def _draft(self, messages: Sequence[BaseMessage]) -> Draft:
        system = "\n".join(message.text for message in messages if isinstance(message, SystemMessage))
        humans = [message.text for message in messages if isinstance(message, HumanMessage)]
        older = [line.removeprefix(SAID) for line in parse_earlier(system).split("\n") if line.strip()]
        question = humans.pop() if humans else ""
        return compose(parse_sources(system), [*older, *humans], question, self.similarity)

    def _metadata(self, draft: Draft) -> dict[str, Any]:
        return {"kind": draft.kind, "model_name": self.model_name, "finish_reason": "stop"}


def _stopped(text: str, stop: Sequence[str] | None) -> str:
    for word in stop or ():
        text = text.split(word, 1)[0]
    return text
