"""Text to vectors. Each kind has a name that says exactly what its vectors can be compared with.

Nothing here reaches the network unless the settings ask for a server.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rag.errors import BadSetting, LibraryUnavailable
from rag.knowledge.embedding.synonyms import Synonyms
from rag.settings import Settings
from rag.weights import weights

Vectors = npt.NDArray[np.float32]


class Embedder(ABC):
    """Makes one vector a text. `name` is [a-z0-9.-]+ and is part of the collection's name."""

    name: str

    @abstractmethod
    def embed(self, texts: list[str]) -> Vectors:
        """Shape (len(texts), dimensions): finite unit vectors."""

    def question(self, text: str) -> Vectors:
        """Shape (dimensions,): what is compared with the vectors of `embed`."""
        vector: Vectors = self.embed([text])[0]
        return vector


def make_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name. Raises BadSetting when it cannot be had."""
    if settings.embeddings == "openai":
        return OpenAIEmbedder(settings)
    if settings.embeddings == "minilm":
        return MiniLMEmbedder()
    return WordLlamaEmbedder(Synonyms.beside(settings.knowledge_dir))


class WordLlamaEmbedder(Embedder):
    """WordLlama's 256-dimension vectors, from the weights inside its wheel: no network, 0.1 ms a question.

    Texts are embedded one by one: its own batches go to threads, and take half as long again.
    """

    name = "wordllama-l2-256"

    def __init__(self, synonyms: Synonyms | None = None) -> None:
        self._synonyms = synonyms or Synonyms()
        self._model = weights()

    def embed(self, texts: list[str]) -> Vectors:
        return _comparable(np.reshape([self._sum(text) for text in texts], (len(texts), 256)))

    def question(self, text: str) -> Vectors:
        """As `embed` would, with its synonyms, and in half the time."""
        total = self._sum(self._synonyms.widen(text))
        length = math.sqrt(total @ total)
        vector: Vectors = total / np.float32(length) if 0 < length < math.inf else _comparable(total[np.newaxis])[0]
        return vector

    def _sum(self, text: str) -> Vectors:
        """Of the vectors of the text's tokens: it points where their mean does."""
        numbers = self._model.tokenizer.encode(text, add_special_tokens=False).ids
        total: Vectors = np.add.reduce(self._model.embedding.take(numbers, axis=0), axis=0, dtype=np.float32)
        return total


class OpenAIEmbedder(Embedder):
    """Vectors from any server that speaks OpenAI's embeddings protocol."""

    def __init__(self, settings: Settings) -> None:
        from langchain_openai import OpenAIEmbeddings

        if settings.offline:
            raise BadSetting("EMBEDDINGS", "openai", "OPENAI_API_KEY or OPENAI_BASE_URL to be set with it")
        self.name = "openai-" + re.sub(r"[^a-z0-9.-]+", "-", settings.embedding_model.lower()).strip("-.")
        self._target = settings.openai_base_url or "api.openai.com"
        self._model = OpenAIEmbeddings(
            model=settings.embedding_model,
            openai_api_key=settings.openai_api_key or "none",
            openai_api_base=settings.openai_base_url,
            request_timeout=settings.model_timeout_seconds,
            max_retries=settings.model_max_retries,
            # Other servers know neither OpenAI's tokens nor its tokenizer; they count their own.
            check_embedding_ctx_length=settings.openai_base_url is None,
        )

    def embed(self, texts: list[str]) -> Vectors:
        import openai

        try:
            vectors = self._model.embed_documents(texts)
        except openai.OpenAIError as exc:
            reason = str(exc).splitlines()[0][:200]
            raise LibraryUnavailable(self._target, reason, "Check EMBEDDINGS, OPENAI_BASE_URL and the key.") from exc
        return _comparable(np.asarray(vectors, dtype=np.float32))


class MiniLMEmbedder(Embedder):
    """MiniLM on onnxruntime, from the model files that Chroma keeps for its users. They are never downloaded here."""

    name = "minilm-l6-v2"

    FILES = "config.json model.onnx special_tokens_map.json tokenizer_config.json tokenizer.json vocab.txt".split()
    """All that Chroma's class looks for; with one of them absent it would download the model."""

    def __init__(self) -> None:
        from chromadb.utils.embedding_functions import ONNXMiniLM_L6_V2

        folder = Path(ONNXMiniLM_L6_V2.DOWNLOAD_PATH, ONNXMiniLM_L6_V2.EXTRACTED_FOLDER_NAME)
        missing = [name for name in self.FILES if not (folder / name).is_file()]
        if missing:
            raise BadSetting("EMBEDDINGS", "minilm", f"its model files in {folder} (missing: {', '.join(missing)})")
        self._model = ONNXMiniLM_L6_V2(preferred_providers=["CPUExecutionProvider"])

    def embed(self, texts: list[str]) -> Vectors:
        return _comparable(np.asarray(self._model(texts), dtype=np.float32))


def _comparable(vectors: Vectors) -> Vectors:
    """Unit vectors. A text without a known token has no direction; it gets a fixed one, not a division by zero."""
    vectors = np.nan_to_num(np.asarray(vectors, dtype=np.float32))
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.where(lengths > 0, vectors, np.float32(1.0))
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
