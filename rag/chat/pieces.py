"""What a model writes, piece by piece: without LangChain's callbacks where nobody listens to them.

They take longer than the rest of a turn does.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langsmith.utils import tracing_is_enabled

Pieces = Generator[tuple[str, str]]
"""Texts, each with the kind of answer that it belongs to; only the offline model says that."""


@runtime_checkable
class Direct(Protocol):
    """A chat model that can be read without a run of LangChain's around it. whole: nobody looks at single pieces, or
    stops it half way."""

    def pieces(self, messages: Sequence[BaseMessage], *, whole: bool = False) -> Iterator[tuple[str, str]]: ...


def pieces_of(model: BaseChatModel, prompt: Sequence[BaseMessage], *, whole: bool = False) -> Pieces:
    """Closing it ends the request. LangSmith's tracing and callbacks of the model's own get LangChain's run."""
    if isinstance(model, Direct) and not model.callbacks and not tracing_is_enabled():
        yield from model.pieces(prompt, whole=whole)
        return
    for chunk in model.stream([*prompt]):
        yield str(chunk.text), str(chunk.response_metadata.get("kind", ""))


def text_of(model: BaseChatModel, prompt: Sequence[BaseMessage]) -> str:
    """All that it writes."""
    with closing(pieces_of(model, prompt, whole=True)) as pieces:
        return "".join(text for text, _ in pieces)
