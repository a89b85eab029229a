"""What the matrix is made of: one row a store, each in a virtual environment of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A store in one version."""

    name: str
    """As the table has it."""
    target: str
    install: tuple[str, ...] = ()
    """What is installed for it, pinned; empty: this project's own environment."""
    server: str = ""
    """`redis`, `modules` (a Redis with search and JSON) or `postgres`, where it needs one."""
    fixed: str = ""
    """Of an old version: the report that a later one came of."""

    @property
    def slug(self) -> str:
        return "-".join(part for part in self._words() if part)

    def _words(self) -> list[str]:
        return "".join(each if each.isalnum() or each == "." else " " for each in self.name.lower()).split()


_PSYCOPG = "psycopg[binary]==3.3.9"
_GRAPH = "langgraph==1.2.24"
_SQLITE = (_GRAPH, "langgraph-checkpoint-sqlite==3.1.2")
_POSTGRES = (_GRAPH, "langgraph-checkpoint-postgres==3.2.0", _PSYCOPG)
_COMMUNITY = ("langchain-community==0.4.2", "langchain-core==1.7.2")
_INDEX = ("llama-index-core==0.14.25",)
_AGNO = ("agno==3.1.10", "sqlalchemy", "aiosqlite", "greenlet")
_AGENTS = "openai-agents[sqlalchemy,redis]"

ROWS = [
    Row("Crosswire store", "crosswire-store"),
    Row("Crosswire store, async", "crosswire-store-async"),
    Row("Crosswire history", "crosswire-history"),
    Row("langchain-core InMemory history", "langchain-memory", ("langchain-core==1.7.2",)),
    Row("langchain-community File history", "langchain-file", _COMMUNITY),
    Row("langchain-community SQL history, SQLite", "langchain-sql", (*_COMMUNITY, "sqlalchemy[asyncio]", "aiosqlite")),
    Row(
        "langchain-community SQL history, PostgreSQL",
        "langchain-sql-postgres",
        (*_COMMUNITY, _PSYCOPG, "sqlalchemy[asyncio]"),
        "postgres",
    ),
    Row("langchain-community Redis history", "langchain-community-redis", (*_COMMUNITY, "redis==8.1.0"), "redis"),
    Row("langchain-redis history", "langchain-redis", ("langchain-redis==0.2.6", "redis==7.4.1"), "modules"),
    Row("redisvl MessageHistory", "redisvl-messages", ("redisvl==0.28.0", "redis==7.4.1"), "modules"),
    Row("redisvl SemanticMessageHistory", "redisvl-semantic", ("redisvl==0.28.0", "redis==7.4.1"), "modules"),
    Row("LangGraph InMemorySaver", "langgraph-memory", (_GRAPH,)),
    Row("LangGraph SqliteSaver", "langgraph-sqlite", _SQLITE),
    Row("LangGraph AsyncSqliteSaver", "langgraph-sqlite-async", _SQLITE),
    Row(
        "LangGraph SqliteSaver 3.0.0",
        "langgraph-sqlite",
        ("langgraph", "langgraph-checkpoint-sqlite==3.0.0"),
        fixed="https://github.com/advisories/GHSA-9rwj-6rc7-p77c",
    ),
    Row("LangGraph PostgresSaver", "langgraph-postgres", _POSTGRES, "postgres"),
    Row("LangGraph RedisSaver", "langgraph-redis", ("langgraph", "langgraph-checkpoint-redis==0.5.2"), "modules"),
    Row("LangGraph InMemoryStore", "langgraph-store-memory", (_GRAPH,)),
    Row("LangGraph SqliteStore", "langgraph-store-sqlite", _SQLITE),
    Row("OpenAI Agents SQLiteSession", "agents-sqlite", (f"{_AGENTS}==0.24.0", "aiosqlite")),
    Row("OpenAI Agents SQLAlchemySession", "agents-sqlalchemy", (f"{_AGENTS}==0.24.0", "aiosqlite")),
    Row(
        "OpenAI Agents SQLAlchemySession 0.12.5",
        "agents-sqlalchemy",
        (f"{_AGENTS}==0.12.5", "openai==2.26.0", "aiosqlite", "greenlet"),
        fixed="https://github.com/openai/openai-agents-python/issues/2722",
    ),
    Row("OpenAI Agents RedisSession", "agents-redis", (f"{_AGENTS}==0.24.0",), "redis"),
    Row("Google ADK InMemorySessionService", "adk-memory", ("google-adk==2.13.0",)),
    Row("Google ADK DatabaseSessionService", "adk-database", ("google-adk[db]==2.13.0", "aiosqlite", "greenlet")),
    Row(
        "Google ADK DatabaseSessionService 1.26.0",
        "adk-database",
        ("google-adk==1.26.0", "sqlalchemy[asyncio]", "aiosqlite", "greenlet"),
        fixed="https://github.com/google/adk-python/issues/4751",
    ),
    Row("LlamaIndex SimpleChatStore", "llama-index-memory", _INDEX),
    Row("LlamaIndex SQLiteChatStore", "llama-index-sqlite", (*_INDEX, "llama-index-storage-chat-store-sqlite==0.4.0")),
    Row(
        "LlamaIndex RedisChatStore",
        "llama-index-redis",
        (*_INDEX, "llama-index-storage-chat-store-redis==0.8.0"),
        "redis",
    ),
    Row("Agno InMemoryDb", "agno-memory", _AGNO),
    Row("Agno SqliteDb", "agno-sqlite", _AGNO),
    Row("Agno PostgresDb", "agno-postgres", (*_AGNO, _PSYCOPG), "postgres"),
    Row("mem0 Memory, local", "mem0-local", ("mem0ai==2.2.1",)),
]
"""In the order of the table. Old versions only where a fix came between."""

NOT_RUN: dict[str, str] = {}
"""What is on the list and was not run -> why."""
