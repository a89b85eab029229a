"""What is kept of each form, and how it is made today."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.chat import ChatService
from rag.chat.trace import VERSION as TRACE
from rag.knowledge import Library, Owner, open_library
from rag.knowledge.storage.chroma import VERSION as LIBRARY
from rag.knowledge.storage.chroma import Store
from rag.sessions import SessionStore, connect
from rag.settings import Settings
from rag.web.cookie import CookieJar
from rag.web.sessions.token import following, opened, session_id_of
from tests.chat.parts import ScriptedModel, ShelfLibrary
from tests.servers import Server

KEPT = Path(__file__).parent / "kept"
SECRET = "of every version the same secret"
NOW = 1_800_000_000.0
TOKEN = "7Zk2mB0vYpQ4rT6xW8aC1dE3fG5hJ9kL-nP_sU_vXyz"
COOKIES = 1
SESSION = "a-session"
TENT = b"# The Kestrel tent\n\nIts pitch code is ZEBRA-77.\n\n# Its bag\n\nThe bag is green."


def cookies(_: Path) -> Any:
    """Of a browser: its first session, its second one, and the first one again; what each says and opens."""
    second = following(TOKEN)
    tokens = [TOKEN, second, opened(second, "0") or ""]
    jar = CookieJar(SECRET, now=lambda: NOW)
    return [{"cookie": jar.sign(token), "token": token, "session": session_id_of(token)} for token in tokens]


def traces(_: Path) -> Any:
    with Server() as server:
        client = connect(server.url)
        store = SessionStore(client)
        chat = ChatService(store, ShelfLibrary(), ScriptedModel())
        for text in ("How long may I return it?", "And shoes?"):
            chat.answer(SESSION, text)
        found = store.traces(SESSION)
        client.close()
    return found


def library(folder: Path) -> Any:
    """A session's collection, as Chroma gives it."""
    with_library(folder, lambda opened: opened.add_private(SESSION, "tent.md", TENT))
    store = store_of(folder)
    with store.opened():
        collection = store.found(store.name(Owner(SESSION)))
        assert collection is not None
        page: Any = collection.get(include=["documents", "embeddings", "metadatas"])
        return {
            "name": collection.name,
            "metadata": collection.metadata,
            "ids": page["ids"],
            "documents": page["documents"],
            "metadatas": page["metadatas"],
            "embeddings": [[round(float(one), 6) for one in vector] for vector in page["embeddings"]],
        }


def with_library(folder: Path, act: Callable[[Library], object]) -> Any:
    """What this does with the library of this folder, that has no articles."""
    (folder / "articles").mkdir(exist_ok=True)
    opened = open_library(Settings(state_dir=folder, knowledge_dir=folder / "articles"))
    try:
        return act(opened)
    finally:
        opened.close()


def store_of(folder: Path) -> Store:
    from rag.knowledge.embedding.embedders import make_embedder
    from rag.knowledge.storage.embedded import EmbeddedStore

    return EmbeddedStore(folder, make_embedder(Settings(state_dir=folder)).name)


FORMS: dict[str, tuple[int, Callable[[Path], Any]]] = {
    "cookies": (COOKIES, cookies),
    "traces": (TRACE, traces),
    "library": (LIBRARY, library),
}
"""By name: its newest version, and how it is made."""


def kept(name: str) -> list[Any]:
    """Of each version, oldest first."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(KEPT.glob(f"{name}-v*.json"))]
