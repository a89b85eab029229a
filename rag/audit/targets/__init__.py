"""Stores that can be audited by name: how each is made for an audit, one small factory each.

The factories stand on the standard library and their package alone, which is imported when they are called.
"""

from __future__ import annotations

NAMED = {
    "langgraph-memory": "rag.audit.targets.langgraph:in_memory",
    "langgraph-sqlite": "rag.audit.targets.langgraph:sqlite",
    "langgraph-sqlite-async": "rag.audit.targets.langgraph:sqlite_async",
    "langchain-memory": "rag.audit.targets.langchain:memory",
    "langchain-file": "rag.audit.targets.langchain:file",
    "agents-sqlite": "rag.audit.targets.openai_agents:sqlite",
}
"""Name -> where its factory is."""
