"""Mem0 without a network: vectors lie in the folder, a hash is the embedding, and no model is asked."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from typing import Any


class HashEmbedding:
    """Equal texts are near, and no others."""

    def embed(self, text: str, *_: Any) -> list[float]:
        return [byte / 255 - 0.5 for byte in hashlib.sha256(text.encode()).digest()]


def local(folder: str) -> Any:
    return _local("Memory", folder)


def local_async(folder: str) -> Any:
    return _local("AsyncMemory", folder)


@contextlib.contextmanager
def _local(kind: str, folder: str) -> Iterator[Any]:
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": folder}
    import mem0

    vectors = {"path": f"{folder}/vectors", "on_disk": True, "embedding_model_dims": 32}
    unused = {"provider": "openai", "config": {"api_key": "no model is asked"}}
    memory: Any = getattr(mem0, kind).from_config(
        {
            "vector_store": {"provider": "qdrant", "config": vectors},
            "llm": unused,
            "embedder": unused,
            "history_db_path": f"{folder}/history.db",
        }
    )
    memory.embedding_model = HashEmbedding()
    try:
        yield memory
    finally:
        memory.close()
        memory.vector_store.client.close()  # else the folder stays locked
