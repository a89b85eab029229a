"""Whose histories these are: how their keys are named, and how their elements are written. Recognised, or chosen.

| name              | who writes it                             | a session is                                     |
|-------------------|-------------------------------------------|--------------------------------------------------|
| `crosswire`       | this app                                  | `chat_history:{<id>}` and the keys beside it     |
| `classic`         | many apps of one's own, oldest first      | a List `<prefix><id>` of `message_to_dict`       |
| `community`       | langchain-community, newest first         | a List `message_store:<id>` of the same          |
| `langchain-redis` | langchain-redis                           | JSON documents `chat:<id>:<ULID>`, one a message |
| `llama-index`     | LlamaIndex' RedisChatStore, oldest first  | a List of `ChatMessage`, its key is its id       |

All but the first are only read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rag.errors import CrosswireError
from rag.inspector.key_scan import of_each, steps
from rag.inspector.layouts.base import Layout
from rag.inspector.layouts.json_documents import DOCUMENT, Documents
from rag.inspector.layouts.lists import Lists
from rag.inspector.layouts.message_parsers import classic, document, llama_index
from rag.inspector.pace import Pace
from rag.sessions.connection.errors import translated
from rag.sessions.protocol.keys import DEFAULT_PREFIX

SAMPLE_KEYS = 5000
SAMPLE_LISTS = 50

CROSSWIRE = Layout("crosswire", "Crosswire", DEFAULT_PREFIX, None, classic)
CLASSIC = Layout("classic", "LangChain messages, oldest first", "chat_history:", Lists, classic)
COMMUNITY = Layout("community", "langchain-community", "message_store:", Lists, classic, newest_first=True)
LANGCHAIN_REDIS = Layout("langchain-redis", "langchain-redis", "chat:", Documents, document, partial=True)
LLAMA_INDEX = Layout("llama-index", "LlamaIndex chat store", "", Lists, llama_index)
LAYOUTS = {one.name: one for one in (CROSSWIRE, CLASSIC, COMMUNITY, LANGCHAIN_REDIS, LLAMA_INDEX)}
"""A layout more is a record more here, with a parser of its elements and, unless its sessions are lists, a reader."""


def named(name: str) -> Layout:
    try:
        return LAYOUTS[name]
    except KeyError:
        raise CrosswireError(f"{name!r} is no format of histories: expected one of {', '.join(LAYOUTS)}.") from None


def recognise(client: Any, target: str, prefix: str | None = None) -> tuple[Layout, str] | None:
    """What most of a sample of the keys (under this prefix) look like, and their prefix; None if like nothing known.

    Looks at 5000 keys and 50 lists at most.
    """
    votes: Counter[tuple[str, str]] = Counter()
    pace = Pace()
    seen = 0
    with translated(target):
        for found in steps(client, pace, prefix):
            seen += len(found)
            votes.update(_votes(client, found[: SAMPLE_LISTS - votes.total()], prefix))
            if seen >= SAMPLE_KEYS or votes.total() >= SAMPLE_LISTS:
                break
    if not votes:
        return None
    (name, its_prefix), _ = votes.most_common(1)[0]
    return LAYOUTS[name], its_prefix


def _votes(client: Any, names: Sequence[bytes], prefix: str | None) -> list[tuple[str, str]]:
    def ask(pipe: Any, name: bytes) -> None:
        pipe.type(name)
        pipe.lindex(name, 0)
        pipe.lindex(name, -1)

    votes = []
    for name, (kind, first, last) in zip(names, of_each(client, names, ask), strict=True):
        text = name.decode("utf-8", "replace")
        layout = _layout(text, kind, first, last)
        if layout is not None:
            votes.append((layout.name, prefix if prefix is not None else _prefix(layout, text)))
    return votes


def _layout(key: str, kind: object, first: object, last: object) -> Layout | None:
    if kind == DOCUMENT:
        return LANGCHAIN_REDIS
    if kind != b"list" or not isinstance(first, bytes) or not isinstance(last, bytes):
        return None
    if b'"session_id"' in first and b'"turn"' in first:
        return CROSSWIRE
    if not llama_index(first, "").problem:
        return LLAMA_INDEX
    oldest, newest = classic(first, ""), classic(last, "")
    if oldest.problem:
        return None
    if key.startswith(COMMUNITY.prefix):
        return COMMUNITY
    # A conversation begins with a question and ends with an answer, as a rule.
    return COMMUNITY if oldest.role == "assistant" and newest.role in ("user", "system") else CLASSIC


def _prefix(layout: Layout, key: str) -> str:
    if layout.ours:
        return key.partition("{")[0]
    if layout is LLAMA_INDEX:
        return ""
    before, colon, _ = key.partition(":")
    return before + colon
