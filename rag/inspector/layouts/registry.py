"""Whose histories these are: how their keys are named, and how their elements are written. Recognised, or chosen.

| name                  | who writes it                            | a session is                                      |
|-----------------------|------------------------------------------|---------------------------------------------------|
| `crosswire`           | this app                                 | `chat_history:{<id>}` and the keys beside it      |
| `classic`             | many apps of one's own, oldest first     | a List `<prefix><id>` of `message_to_dict`        |
| `community`           | langchain-community, LangChain.js, n8n,  | a List `message_store:<id>` or `<id>` of the same |
|                       | Flowise: newest first                    |                                                   |
| `langchain-redis`     | langchain-redis                          | JSON documents `chat:<id>:<ULID>`, one a message  |
| `llama-index`         | LlamaIndex' RedisChatStore, oldest first | a List of `ChatMessage`, its key is its id        |
| `langchain4j`         | langchain4j, Quarkus                     | a JSON text of ChatMessages                       |
| `spring-ai`           | Spring AI's RedisChatMemoryRepository    | JSON documents `chat-memory:<id>:<ms>`            |
| `spring-ai-alibaba`   | spring-ai-alibaba's repositories         | a List of Spring AI's messages                    |
| `langgraph`           | LangGraph's savers, plain or JSON module | a thread: hashes or documents, one a checkpoint   |
| `agent-memory-server` | Redis' agent-memory-server               | a JSON document or text, `working_memory:…:<id>`  |
| `openai-list`         | OpenAI Agents' RedisSession, many apps   | a List of objects with role and content           |
| `openai-string`       | many apps                                | a JSON text or document with one list of such     |
| `openai-hash`         | many apps                                | a hash, one field of which is such a JSON text    |
| `openai-range`        | many apps                                | a stream or a sorted set, an element a message    |
| `message-keys`        | redisvl's MessageHistory, many apps      | hashes, texts or documents, each with a message   |
|                       |                                          | and the id of its session                         |
| `crosswire-elsewhere` | this app, under another HISTORY_PREFIX   | a List of the app's elements                      |

All but the first are only read. They are tried in this order, and a key belongs to the first that claims it.
"""

from __future__ import annotations

from rag.errors import CrosswireError
from rag.inspector.layouts import forms, ranges, single_messages
from rag.inspector.layouts.base import Layout
from rag.inspector.layouts.json_documents import Documents
from rag.inspector.layouts.langgraph import Threads
from rag.inspector.layouts.lists import Lists
from rag.inspector.layouts.ranges import Ranges
from rag.inspector.layouts.single_messages import SingleMessages
from rag.inspector.layouts.values import Values
from rag.inspector.parsing import checkpoints
from rag.inspector.parsing.message_parsers import classic, document, elsewhere, llama_index, spring_document
from rag.inspector.parsing.spoken import lenient, spoken
from rag.sessions.protocol.keys import DEFAULT_PREFIX

CROSSWIRE = Layout("crosswire", "Crosswire", DEFAULT_PREFIX, None, classic)
CLASSIC = Layout(
    "classic",
    "LangChain messages, oldest first",
    "chat_history:",
    Lists,
    lenient(classic),
    claims=forms.list_of(forms.classic),
)
COMMUNITY = Layout(
    "community", "langchain-community, LangChain.js", "message_store:", Lists, lenient(classic), newest_first=True
)
LANGCHAIN_REDIS = Layout(
    "langchain-redis", "langchain-redis", "chat:", Documents, document, partial=True,
    claims=forms.document_of(forms.langchain_redis),
)  # fmt: skip
LLAMA_INDEX = Layout(
    "llama-index", "LlamaIndex chat store", "", Lists, lenient(llama_index), claims=forms.list_of(forms.llama_index)
)
LANGCHAIN4J = Layout(
    "langchain4j", "langchain4j, Quarkus", "", Values, spoken,
    claims=forms.text_of_conversation(forms.langchain4j), alternates=False,
)  # fmt: skip
SPRING_AI = Layout(
    "spring-ai", "Spring AI", "chat-memory:", Documents, spring_document,
    claims=forms.document_of(forms.spring_ai), alternates=False,
)  # fmt: skip
SPRING_ALIBABA = Layout(
    "spring-ai-alibaba", "Spring AI Alibaba", "spring_ai_alibaba_chat_memory:", Lists, spoken,
    claims=forms.list_of(forms.spring_alibaba), alternates=False,
)  # fmt: skip
LANGGRAPH = Layout(
    "langgraph", "LangGraph checkpoints", "", Threads, checkpoints.element, claims=forms.langgraph, alternates=False
)
AGENT_MEMORY = Layout(
    "agent-memory-server", "agent-memory-server", "working_memory:", Values, spoken,
    claims=forms.text_of_conversation(forms.agent_memory), alternates=False,
)  # fmt: skip
OPENAI_LIST = Layout(
    "openai-list", "OpenAI-style messages in a list", "", Lists, spoken,
    claims=forms.list_of(forms.spoken), alternates=False,
)  # fmt: skip
OPENAI_STRING = Layout(
    "openai-string", "OpenAI-style messages in one JSON text", "", Values, spoken,
    claims=forms.text_of_conversation(forms.anything), alternates=False,
)  # fmt: skip
OPENAI_HASH = Layout(
    "openai-hash", "OpenAI-style messages in a field of a hash", "", Values, spoken,
    claims=forms.hash_of_conversation, alternates=False,
)  # fmt: skip
RANGES = Layout(
    "openai-range", "messages in a stream or a sorted set", "", Ranges, spoken, claims=ranges.claims, alternates=False
)
MESSAGE_KEYS = Layout(
    "message-keys", "a message a key", "", SingleMessages, spoken, claims=single_messages.claims, alternates=False
)
ELSEWHERE = Layout(
    "crosswire-elsewhere", "Crosswire, another prefix", "chat_history:", Lists, elsewhere,
    claims=forms.list_of(forms.crosswire),
)  # fmt: skip
LAYOUTS = {
    one.name: one
    for one in (
        *(CROSSWIRE, ELSEWHERE, CLASSIC, COMMUNITY, LANGCHAIN_REDIS, LLAMA_INDEX, LANGCHAIN4J, SPRING_AI),
        *(SPRING_ALIBABA, LANGGRAPH, AGENT_MEMORY, OPENAI_LIST, OPENAI_STRING, OPENAI_HASH, RANGES, MESSAGE_KEYS),
    )
}
"""A layout more is a record more here, with a parser of its elements and, unless its sessions are lists or one text
each, a reader."""


def named(name: str) -> Layout:
    try:
        return LAYOUTS[name]
    except KeyError:
        raise CrosswireError(f"{name!r} is no format of histories: expected one of {', '.join(LAYOUTS)}.") from None
