"""Conversations as each product stores them: the keys and bytes that it writes, by hand where it cannot be installed.

A conversation is pairs of who speaks (user or assistant) and what.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rag.inspector import Inspector
from rag.inspector.forensics.scan import Report, scan
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client

CANARY = "QX-774411-ZB"
STATED = f"Hello, my order number is {CANARY} and my address is 12 Willow Lane in Leeds, please keep it for the courier"
Said = Sequence[tuple[str, str]]
Scan = Callable[..., Report]
Write = Callable[[Client, str, Said], None]

LEAK: Mapping[str, Said] = {
    "alice": [("user", STATED), ("assistant", "Noted.")],
    "bob": [("user", "Where is my parcel?"), ("assistant", f"I see: {STATED}")],
    "carol": [("user", "Do you ship to Ireland?"), ("assistant", "Yes.")],
}
RIGHT: Mapping[str, Said] = {
    "alice": [("user", STATED), ("assistant", "Noted."), ("user", "Which one?"), ("assistant", f"It is {CANARY}.")],
    "bob": [("user", "Where is my parcel?"), ("assistant", "On its way.")],
}


def scanned(client: Client, *canaries: str) -> Report:
    """All that is recognised, as `sessions scan --format auto` reads it."""
    return scan(Inspector(client, SessionStore(client)).of("auto").histories, canaries=canaries or (CANARY,))


def langchain(who: str, text: str) -> str:
    kind = {"user": "human", "assistant": "ai"}[who]
    return json.dumps({"type": kind, "data": {"content": text, "additional_kwargs": {}, "response_metadata": {}}})


def oldest_first(client: Client, key: str, said: Said) -> None:
    client.rpush(key, *[langchain(*one) for one in said])


def newest_first(client: Client, key: str, said: Said) -> None:
    """langchain-community, LangChain.js, n8n, Flowise."""
    for one in said:
        client.lpush(key, langchain(*one))


def llama_index(client: Client, key: str, said: Said) -> None:
    for who, text in said:
        block = {"block_type": "text", "text": text}
        client.rpush(key, json.dumps({"role": who, "additional_kwargs": {}, "blocks": [block]}))


def langchain4j(client: Client, key: str, said: Said) -> None:
    """ChatMessageSerializer.messagesToJson, 1.0."""
    messages: list[dict[str, Any]] = [{"text": "Be kind.", "type": "SYSTEM"}]
    for who, text in said:
        asks = {"contents": [{"text": text, "type": "TEXT"}], "type": "USER"}
        messages.append(asks if who == "user" else {"text": text, "toolExecutionRequests": [], "type": "AI"})
    client.set(key, json.dumps(messages))


def spring_ai(client: Client, key: str, said: Said) -> None:
    """RedisChatMemoryRepository of Spring AI 2.0, with its counter."""
    for number, (who, text) in enumerate(said, 1795246481500):
        document = {"type": who.upper(), "content": text, "metadata": {"messageType": who.upper()},
                    "conversation_id": key, "timestamp": number}  # fmt: skip
        put(client, f"chat-memory:{key}:{number}", document)
    client.set(f"chat-memory:counter:{key}", 1795246481500)


def spring_alibaba(client: Client, key: str, said: Said) -> None:
    """BaseRedisChatMemoryRepository: fields, not getters."""
    for who, text in said:
        value = {"messageType": who.upper(), "textContent": text, "metadata": {"messageType": who.upper()}, "media": []}
        client.rpush(f"spring_ai_alibaba_chat_memory:{key}", json.dumps(value))


def langchain_redis(client: Client, key: str, said: Said) -> None:
    for number, (who, text) in enumerate(said):
        ulid = f"01J9ZK3V9W3T1R7Q5M{sum(key.encode()):04}{number:04}"
        kind = {"user": "human", "assistant": "ai"}[who]
        data = {"content": text, "additional_kwargs": {}, "type": kind}
        known = {"type": kind, "message_id": ulid, "session_id": key, "timestamp": 1795246481.5 + number}
        put(client, f"chat:{key}:{ulid}", {**known, "data": data})


def constructed(who: str, text: str, number: int) -> dict[str, Any]:
    name, kind = {"user": ("HumanMessage", "human"), "assistant": ("AIMessage", "ai")}[who]
    kwargs = {"content": text, "type": kind, "id": f"m{number}-{text[:8]}"}
    return {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", name], "kwargs": kwargs}


def langgraph_hashes(client: Client, key: str, said: Said) -> None:
    """LangGraph's how-to: a hash a checkpoint, and a hash a pending write."""
    messages = [constructed(*one, number) for number, one in enumerate(said)]
    for number in range(1, len(messages) + 1):
        state = {"v": 1, "id": f"1ef{number}", "channel_values": {"messages": messages[:number]}}
        fields: dict[Any, Any] = {
            "type": "json",
            "checkpoint": json.dumps(state),
            "metadata": '{"step": 1}',
            "parent_checkpoint_id": "",
        }
        client.hset(f"checkpoint${key}$$1ef{number}", mapping=fields)
    write: dict[Any, Any] = {"channel": "messages", "type": "json", "value": json.dumps([messages[-1]])}
    client.hset(f"writes${key}$$1ef{len(messages)}$task-1$0", mapping=write)


def langgraph_documents(client: Client, key: str, said: Said) -> None:
    """langgraph-checkpoint-redis: documents, writes with base64 blobs, and sorted sets and pointers beside them."""
    messages = [constructed(*one, number) for number, one in enumerate(said)]
    last = f"1ef{len(messages)}"
    for number in range(1, len(messages) + 1):
        state = {"type": "json", "v": 1, "channel_values": {"messages": messages[:number]}, "pending_sends": []}
        named = {"thread_id": key, "checkpoint_ns": "__empty__", "checkpoint_id": f"1ef{number}"}
        document = {**named, "checkpoint": state, "metadata": {"step": number}, "has_writes": False}
        put(client, f"checkpoint:{key}:__empty__:1ef{number}", document)
    blob = base64.b64encode(json.dumps([messages[-1]]).encode()).decode()
    write = {"thread_id": key, "checkpoint_ns": "__empty__", "checkpoint_id": last, "task_id": "t", "idx": 0,
             "channel": "messages", "type": "json", "blob": blob}  # fmt: skip
    put(client, f"checkpoint_write:{key}:__empty__:{last}:t:0", write)
    client.zadd(f"write_keys_zset:{key}:__empty__:{last}", {f"checkpoint_write:{key}:__empty__:{last}:t:0": 0})
    client.set(f"checkpoint_latest:{key}:__empty__", f"checkpoint:{key}:__empty__:{last}")


def working_memory(key: str, said: Said) -> dict[str, Any]:
    messages = [
        {"id": f"01J9{number}{key}", "role": who, "content": text, "created_at": "2026-11-27T10:00:00+00:00",
         "persisted_at": None, "discrete_memory_extracted": "f"} for number, (who, text) in enumerate(said)
    ]  # fmt: skip
    return {"messages": messages, "memories": [], "context": "", "user_id": key, "session_id": key, "namespace": "shop",
            "tokens": 0, "ttl_seconds": None, "data": {}, "long_term_memory_strategy": {}}  # fmt: skip


def agent_memory(client: Client, key: str, said: Said) -> None:
    """agent-memory-server, documents."""
    put(client, f"working_memory:shop:{key}", working_memory(key, said))


def agent_memory_text(client: Client, key: str, said: Said) -> None:
    """The same before its migration to documents."""
    client.set(f"working_memory:shop:{key}", json.dumps(working_memory(key, said)))


def openai_list(client: Client, key: str, said: Said) -> None:
    client.rpush(key, *[json.dumps({"role": who, "content": text}) for who, text in said])


def agents_session(client: Client, key: str, said: Said) -> None:
    """OpenAI Agents' RedisSession: a hash, a list and a counter."""
    client.hset(
        f"agents:session:{key}", mapping={"session_id": key, "created_at": 1795246481, "updated_at": 1795246481}
    )
    client.set(f"agents:session:{key}:counter", len(said))
    items: list[dict[str, Any]] = [{"role": "user", "content": said[0][1]}]
    items.append({"type": "function_call", "name": "find", "arguments": "{}", "call_id": "c1"})
    items.append({"type": "function_call_output", "call_id": "c1", "output": "none"})
    for who, text in said[1:]:
        part = {"type": "output_text", "text": text, "annotations": []}
        answer = {"role": who, "type": "message", "content": [part], "status": "completed"}
        items.append(answer if who == "assistant" else {"role": who, "content": text})
    client.rpush(f"agents:session:{key}:messages", *map(json.dumps, items))


def openai_string(client: Client, key: str, said: Said) -> None:
    client.set(key, json.dumps([{"role": who, "content": text} for who, text in said]))


def object_with_messages(client: Client, key: str, said: Said) -> None:
    chat = {"messages": [{"role": who, "content": [{"type": "text", "text": text}]} for who, text in said]}
    client.set(key, json.dumps({"id": key, "model": "x-1", "conversation": chat, "title": "A chat about a parcel"}))


def redisvl(client: Client, key: str, said: Said) -> None:
    """MessageHistory, 0.28: a hash a message, its index's name before the key."""
    for number, (who, text) in enumerate(said):
        at = f"{1795246481.5 + number}"
        fields: dict[Any, Any] = {"entry_id": f"{key}:{at}:ab12cd34", "role": who, "content": text}
        client.hset(f"chats:{key}:{at}:ab12cd34", mapping={**fields, "session_tag": key, "timestamp": at})


def texts_that_name_their_session(client: Client, key: str, said: Said) -> None:
    for number, (who, text) in enumerate(said):
        value = {"conversationId": key, "sender": who, "text": text, "createdAt": f"2026-11-27T10:00:0{number}Z"}
        client.set(f"msg:{key[::-1]}:{9 - number}", json.dumps(value))


def a_field_of_a_hash(client: Client, key: str, said: Said) -> None:
    messages = json.dumps([{"id": "1", "role": who, "content": text} for who, text in said])
    client.hset(f"chat:{key}", mapping={"title": "A parcel", "userId": key, "messages": messages})


def a_stream(client: Client, key: str, said: Said) -> None:
    for who, text in said:
        client.xadd(f"talk:{key}", {"role": who, "content": text})


def a_stream_of_json(client: Client, key: str, said: Said) -> None:
    for who, text in said:
        client.xadd(f"talk:{key}", {"data": json.dumps({"role": who, "content": text})})


def a_sorted_set(client: Client, key: str, said: Said) -> None:
    members = {json.dumps({"role": who, "content": text, "n": n}): n for n, (who, text) in enumerate(said)}
    client.zadd(f"talk:{key}", members)


def put(client: Client, key: str, document: dict[str, Any]) -> None:
    client.execute_command("JSON.SET", key, "$", json.dumps(document))  # type: ignore[no-untyped-call]


WRITERS: dict[str, tuple[str, Write]] = {
    "oldest first": ("classic", oldest_first),
    "newest first": ("community", newest_first),
    "LlamaIndex": ("llama-index", llama_index),
    "langchain4j": ("langchain4j", langchain4j),
    "Spring AI": ("spring-ai", spring_ai),
    "Spring AI Alibaba": ("spring-ai-alibaba", spring_alibaba),
    "langchain-redis": ("langchain-redis", langchain_redis),
    "LangGraph hashes": ("langgraph", langgraph_hashes),
    "LangGraph documents": ("langgraph", langgraph_documents),
    "agent-memory-server": ("agent-memory-server", agent_memory),
    "agent-memory-server, texts": ("agent-memory-server", agent_memory_text),
    "a list of roles": ("openai-list", openai_list),
    "OpenAI Agents": ("openai-list", agents_session),
    "a field of a hash": ("openai-hash", a_field_of_a_hash),
    "a stream": ("openai-range", a_stream),
    "a stream of JSON": ("openai-range", a_stream_of_json),
    "a sorted set": ("openai-range", a_sorted_set),
    "redisvl": ("message-keys", redisvl),
    "a text a message": ("message-keys", texts_that_name_their_session),
    "a text of roles": ("openai-string", openai_string),
    "an object with messages": ("openai-string", object_with_messages),
}
"""By what is written, the layout that it is."""


def fill(client: Client, write: Write, said: Mapping[str, Said]) -> None:
    for key, one in said.items():
        write(client, key, one)
