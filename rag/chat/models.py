"""Which model answers: a configured OpenAI-compatible server, else the offline one. The library behind the first is
loaded only when it is configured, so that a start without a key stays fast."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from rag.chat.offline import OfflineChatModel
from rag.chat.offline.ranking import Ranker
from rag.knowledge.embedding.embedders import Embedder, make_embedder
from rag.settings import Settings


def make_model(settings: Settings, embedder: Embedder | None = None) -> BaseChatModel:
    """The chat model of these settings. It is stateless and may be shared by all threads and sessions.

    `embedder`: what the offline model compares texts with, by default the one that the settings name.
    """
    if settings.offline:
        return OfflineChatModel(ranker=Ranker(embedder or make_embedder(settings)))
    from rag.chat.openai_compatible.model import connect

    return connect(
        settings.chat_model,
        settings.openai_base_url,
        settings.openai_api_key,
        limit=settings.model_timeout_seconds,
        retries=settings.model_max_retries,
        longest=settings.model_max_answer_chars,
    )


def model_name(model: BaseChatModel) -> str:
    """The name that is shown and stored with answers."""
    for attribute in ("model_name", "model"):
        name = getattr(model, attribute, None)
        if isinstance(name, str) and name:
            return name
    return model._llm_type
