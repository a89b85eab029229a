"""The interfaces that can be audited: one file each. None of their packages is imported before one is met."""

from __future__ import annotations

from rag.audit.adapters.agno import AgnoDb
from rag.audit.adapters.crosswire_store import CrosswireStore
from rag.audit.adapters.function import AnsweringFunction
from rag.audit.adapters.google_adk import AdkSessionService
from rag.audit.adapters.langchain_history import LangChainHistory
from rag.audit.adapters.langgraph_saver import LangGraphSaver
from rag.audit.adapters.langgraph_store import LangGraphStore
from rag.audit.adapters.llama_index import LlamaIndexChatStore
from rag.audit.adapters.mem0 import Mem0Memory
from rag.audit.adapters.openai_agents import AgentsSession
from rag.audit.adapters.redisvl import RedisVLHistory
from rag.audit.adapters.running_chat import RunningChat
from rag.audit.kit.contract import Subject

ADAPTERS: list[type[Subject]] = [
    LangGraphSaver,
    LangGraphStore,
    AgentsSession,
    AdkSessionService,
    LangChainHistory,
    CrosswireStore,
    LlamaIndexChatStore,
    AgnoDb,
    Mem0Memory,
    RedisVLHistory,
    RunningChat,
    AnsweringFunction,
]
"""In the order in which an object is tried against them."""
