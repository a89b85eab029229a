"""Stores that can be audited by name: how each is made for an audit, one small factory each.

The factories stand on the standard library and their package alone, which is imported when they are called.
"""

from __future__ import annotations

NAMED = {
    "crosswire-store": "rag.audit.targets.crosswire:store",
    "crosswire-store-async": "rag.audit.targets.crosswire:store_async",
    "crosswire-history": "rag.audit.targets.crosswire:history",
    "langchain-memory": "rag.audit.targets.langchain:memory",
    "langchain-file": "rag.audit.targets.langchain:file",
    "langchain-sql": "rag.audit.targets.langchain:sql",
    "langchain-sql-async": "rag.audit.targets.langchain:sql_async",
    "langchain-sql-postgres": "rag.audit.targets.langchain:sql_postgres",
    "langchain-community-redis": "rag.audit.targets.langchain:community_redis",
    "langchain-redis": "rag.audit.targets.langchain:redis",
    "langgraph-memory": "rag.audit.targets.langgraph:in_memory",
    "langgraph-sqlite": "rag.audit.targets.langgraph:sqlite",
    "langgraph-sqlite-async": "rag.audit.targets.langgraph:sqlite_async",
    "langgraph-postgres": "rag.audit.targets.langgraph:postgres",
    "langgraph-postgres-async": "rag.audit.targets.langgraph:postgres_async",
    "langgraph-redis": "rag.audit.targets.langgraph:redis",
    "langgraph-redis-async": "rag.audit.targets.langgraph:redis_async",
    "langgraph-store-memory": "rag.audit.targets.langgraph:store_memory",
    "langgraph-store-sqlite": "rag.audit.targets.langgraph:store_sqlite",
    "langgraph-store-sqlite-async": "rag.audit.targets.langgraph:store_sqlite_async",
    "langgraph-store-postgres": "rag.audit.targets.langgraph:store_postgres",
    "agents-sqlite": "rag.audit.targets.openai_agents:sqlite",
    "agents-sqlalchemy": "rag.audit.targets.openai_agents:sqlalchemy",
    "agents-sqlalchemy-postgres": "rag.audit.targets.openai_agents:sqlalchemy_postgres",
    "agents-redis": "rag.audit.targets.openai_agents:redis",
    "adk-memory": "rag.audit.targets.google_adk:in_memory",
    "adk-database": "rag.audit.targets.google_adk:database",
    "llama-index-memory": "rag.audit.targets.llama_index:simple",
    "llama-index-sqlite": "rag.audit.targets.llama_index:sqlite",
    "llama-index-redis": "rag.audit.targets.llama_index:redis",
    "agno-memory": "rag.audit.targets.agno:in_memory",
    "agno-sqlite": "rag.audit.targets.agno:sqlite",
    "agno-postgres": "rag.audit.targets.agno:postgres",
    "redisvl-messages": "rag.audit.targets.redisvl:messages",
    "redisvl-semantic": "rag.audit.targets.redisvl:semantic",
    "mem0-local": "rag.audit.targets.mem0:local",
    "mem0-local-async": "rag.audit.targets.mem0:local_async",
}
"""Name -> where its factory is."""
