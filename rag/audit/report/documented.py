"""Limits that packages state in their own documentation, shown beside a check that fails because of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """What a package says of one of its classes, and so of those that are made from it."""

    kind: str
    """The class, with its module."""
    checks: tuple[str, ...]
    """Levels or ids that it is about."""
    words: str
    """The package's own."""
    link: str


_LANGGRAPH = "https://github.com/langchain-ai/langgraph/blob/main/libs"

LIMITS = (
    Limit(
        "langgraph.checkpoint.memory.InMemorySaver",
        ("whole", "lasting"),
        "Only use `InMemorySaver` for debugging or testing purposes.",
        f"{_LANGGRAPH}/checkpoint/langgraph/checkpoint/memory/__init__.py",
    ),
    Limit(
        "langgraph.checkpoint.sqlite.SqliteSaver",
        ("whole", "async"),
        "This class is meant for lightweight, synchronous use cases (demos and small projects) and does not scale to "
        "multiple threads.",
        f"{_LANGGRAPH}/checkpoint-sqlite/langgraph/checkpoint/sqlite/__init__.py",
    ),
    Limit(
        "langgraph.checkpoint.base.BaseCheckpointSaver",
        ("whole.overlapping-turns", "whole.pairs", "whole.processes"),
        "Double texting is a feature of LangSmith Deployment. It is not available in the LangGraph open source "
        "framework.",
        "https://docs.langchain.com/langsmith/double-texting",
    ),
    Limit(
        "langgraph.checkpoint.base.BaseCheckpointSaver",
        ("whole.failed-turn",),
        "When you compile a graph with a checkpointer, a snapshot of the graph state is saved at every step of "
        "execution, organized into threads.",
        "https://docs.langchain.com/oss/python/langgraph/persistence",
    ),
    Limit(
        "google.adk.sessions.in_memory_session_service.InMemorySessionService",
        ("whole", "lasting"),
        "It is not suitable for multi-threaded production environments. Use it for testing and development only.",
        "https://github.com/google/adk-python/blob/main/src/google/adk/sessions/in_memory_session_service.py",
    ),
    Limit(
        "redisvl.extensions.message_history.message_history.MessageHistory",
        ("apart.clear",),
        "Clears by index membership, so it removes the documents the live index covers.",
        "https://github.com/redis/redis-vl-python/blob/main/redisvl/extensions/message_history/message_history.py",
    ),
)
"""Shown is what is about the check itself, else what is about its level; of several the first."""


def documented(check: str, kinds: Iterable[str]) -> str:
    """What is documented of one of these classes about what this check asserts, with its link; empty if nothing is."""
    names = set(kinds)
    known = [limit for limit in LIMITS if limit.kind in names]
    for about in (check, check.partition(".")[0]):
        for limit in known:
            if about in limit.checks:
                return f"{limit.kind.rpartition('.')[2]} documents: “{limit.words}” {limit.link}"
    return ""
