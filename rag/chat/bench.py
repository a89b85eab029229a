"""What a whole turn costs beside the model: question in, sources found, history read, answer stored.

All contenders answer the same questions from the same passages in one process, with a model that answers at once.
Their slices alternate, so that a machine whose speed drifts slows all of them, and ratios are taken slice by slice.
"""

from __future__ import annotations

import json
import secrets
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from operator import itemgetter
from statistics import median
from threading import Barrier
from time import perf_counter
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, SimpleChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict

from rag.chat.prompt import RULES
from rag.chat.service import SOURCES, ChatService
from rag.knowledge import Library, open_library
from rag.knowledge.embedding.embedders import Embedder, make_embedder
from rag.knowledge.ingest.preparing import prepare
from rag.knowledge.ingest.sources import collect
from rag.knowledge.parsing.worker import parse
from rag.sessions import SessionStore
from rag.sessions.bench import CACHE, TTL
from rag.sessions.connection.connect import Client
from rag.settings import Settings

ANSWER = "You can return an item within 30 days of delivery [1]. Members of Plus have 60 days [1]."
PLAIN_COLLECTION = "plain"
FLOOR, OURS, RULED, PLAIN = "floor", "Crosswire", "Crosswire, offline", "plain LangChain"

Find = Callable[[str], Sequence[str]]
"""The passages for a question."""


def _nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to serve a turn of a session: `turn(session_id, question)`. `prepare` runs before the clock does.

    stored: how many messages of the session there are.
    """

    name: str
    turn: Callable[[str, str], object]
    stored: Callable[[str], int]
    delete: Callable[[str], object]
    prepare: Callable[[str], object] = _nothing


@dataclass(frozen=True, slots=True)
class Row:
    """`rate` in turns a second, and the ratios of rates: medians over the slices."""

    name: str
    rate: float
    of_floor: float
    of_plain: float


class Instant(SimpleChatModel):
    """Answers at once, and always the same. It can be read directly, as the product's own models can."""

    def pieces(self, messages: Sequence[BaseMessage], *, whole: bool = False) -> Iterator[tuple[str, str]]:
        """See `rag.chat.pieces.Direct`."""
        del messages, whole
        return iter([(ANSWER, "")])

    @property
    def _llm_type(self) -> str:
        return "instant"

    def _call(self, *_: Any, **__: Any) -> str:
        return ANSWER


class Floor:
    """Find passages, two round trips. Nothing decoded, nothing ranked, no lock, no LangChain."""

    def __init__(self, client: Client, find: Find) -> None:
        self._client = client
        self._find = find
        self._answer = json.dumps(message_to_dict(AIMessage(ANSWER)))

    def answered(self, session_id: str, text: str) -> int:
        """Answers a question, and says how many of the session's have been."""
        read = self._client.pipeline(transaction=False)
        read.lrange(session_id, 0, -1)
        history = read.execute()[0]
        prompt = "\n".join([RULES, *self._find(text), *map(str, history), text])
        if not prompt:
            raise ValueError("an empty prompt would be no turn")
        write = self._client.pipeline(transaction=False)
        write.rpush(session_id, json.dumps(message_to_dict(HumanMessage(text))), self._answer)
        write.expire(session_id, TTL)
        return int(write.execute()[0]) // 2

    def contender(self) -> Contender:
        return Contender(
            FLOOR, self.answered, lambda session_id: int(self._client.llen(session_id)), self._client.delete
        )


def _ours(name: str, store: SessionStore, service: ChatService) -> Contender:
    """This package's service: search by meaning and words, whole turns, lock and fence, index and audit."""
    return Contender(name, service.answer, lambda session_id: len(store.messages(session_id)), store.clear)


class Plain:
    """What tutorials build: RunnableWithMessageHistory around a retriever, a prompt and a model.

    Each session's history object, with its connection, is made before the clock runs; tutorials make one a turn.
    """

    def __init__(self, url: str, vectors: Any, model: BaseChatModel) -> None:
        from langchain_core.output_parsers import StrOutputParser
        from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
        from langchain_core.runnables import RunnablePassthrough
        from langchain_core.runnables.history import RunnableWithMessageHistory

        self._url = url
        self._histories: dict[str, Any] = {}
        retriever = vectors.as_retriever(search_kwargs={"k": SOURCES})
        prompt = ChatPromptTemplate.from_messages(
            [("system", RULES + "\n\n{context}"), MessagesPlaceholder("history"), ("human", "{question}")]
        )
        found = RunnablePassthrough.assign(context=itemgetter("question") | retriever | _joined)
        with _quiet():
            self._chain = RunnableWithMessageHistory(
                found | prompt | model | StrOutputParser(),
                lambda session_id: self._histories[session_id],
                input_messages_key="question",
                history_messages_key="history",
            )

    def prepare(self, session_id: str) -> None:
        with _quiet():
            from langchain_community.chat_message_histories import RedisChatMessageHistory

            self._histories[session_id] = RedisChatMessageHistory(session_id, url=self._url, ttl=TTL)
        self.stored(session_id)

    def turn(self, session_id: str, text: str) -> str:
        return str(self._chain.invoke({"question": text}, config={"configurable": {"session_id": session_id}}))

    def stored(self, session_id: str) -> int:
        return len(self._histories[session_id].messages)

    def delete(self, session_id: str) -> None:
        history = self._histories.pop(session_id)
        history.clear()
        history.redis_client.close()

    def contender(self) -> Contender:
        return Contender(PLAIN, self.turn, self.stored, self.delete, self.prepare)


@contextmanager
def contenders(
    client: Client, url: str, settings: Settings, others: Callable[[Library], Sequence[Contender]] = lambda _: ()
) -> Iterator[list[Contender]]:
    """Everybody who takes part; `others` search the same library. `settings` name the articles and a scratch folder."""
    embedder, model = make_embedder(settings), Instant()
    store = SessionStore(client, TTL, cache_bytes=CACHE)
    with closing(open_library(settings)) as library, plain_chroma(settings, embedder) as (chroma, find):
        library.add([settings.knowledge_dir])
        yield [
            Floor(client, find).contender(),
            *others(library),
            _ours(OURS, store, ChatService(store, library, model)),
            _ours(RULED, store, ChatService(store, library, model, offline=True)),
            Plain(url, _vectors(chroma, embedder), model).contender(),
        ]


def run(
    parties: Sequence[Contender],
    questions: Sequence[str],
    *,
    users: int = 100,
    turns: int = 3,
    slices: int = 5,
    progress: Callable[[str], None] = lambda _: None,
) -> list[Row]:
    """All users at once, each in a thread and a session of its own. The first slice of each warms up."""
    rates: dict[str, list[float]] = {party.name: [] for party in parties}
    with ThreadPoolExecutor(users) as pool:
        for number in range(slices + 1):
            for party in parties:
                progress(f"slice {number} of {slices}: {party.name}")
                rate = _slice(party, pool, questions, users, turns)
                if number:
                    rates[party.name].append(rate)
    return [Row(name, median(own), _ratio(own, rates[FLOOR]), _ratio(own, rates[PLAIN])) for name, own in rates.items()]


def _slice(party: Contender, pool: ThreadPoolExecutor, questions: Sequence[str], users: int, turns: int) -> float:
    sessions = [f"bench-{secrets.token_hex(8)}" for _ in range(users)]
    for session_id in sessions:
        party.prepare(session_id)
    together = Barrier(users + 1)

    def work(user: int) -> None:
        together.wait()
        for turn in range(turns):
            party.turn(sessions[user], questions[(user * turns + turn) % len(questions)])

    working = [pool.submit(work, user) for user in range(users)]
    together.wait()
    begun = perf_counter()
    for future in working:
        future.result()
    took = perf_counter() - begun
    for session_id in sessions:
        if (found := party.stored(session_id)) != 2 * turns:
            raise ValueError(f"{party.name} stored {found} messages of {2 * turns}: its figures would mean nothing")
        party.delete(session_id)
    return users * turns / took


def _ratio(own: Sequence[float], other: Sequence[float]) -> float:
    return median(mine / theirs for mine, theirs in zip(own, other, strict=True))


class _Embeddings(Embeddings):
    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self._embedder.embed(texts).tolist()  # type: ignore[no-any-return]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@contextmanager
def plain_chroma(settings: Settings, embedder: Embedder) -> Iterator[tuple[Any, Find]]:
    """A Chroma client with the same passages and vectors, without what this package keeps beside them, and its search:
    embed, one query."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    client: Any = chromadb.PersistentClient(str(settings.state_dir / PLAIN_COLLECTION), settings=quiet)
    with closing(client):
        collection = client.get_or_create_collection(
            PLAIN_COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine", "ef_search": 200}}
        )
        made = [
            prepare(source.path.name, source.path.read_bytes(), source.document_id, "", embedder, parse, private=False)
            for source in collect([settings.knowledge_dir], settings.knowledge_dir).files
        ]
        rows = [row for document in made for row in document.passages]
        collection.add(
            ids=[row.id for row in rows],
            embeddings=np.concatenate([document.vectors for document in made]),
            documents=[row.text for row in rows],
            metadatas=[{"title": row.title, "heading": row.heading} for row in rows],
        )

        def find(text: str) -> Sequence[str]:
            vector = embedder.embed([text])
            found = collection.query(query_embeddings=vector, n_results=SOURCES, include=["documents"])
            passages: Sequence[str] = found["documents"][0]
            return passages

        yield client, find


def _vectors(client: Any, embedder: Embedder) -> Any:
    """LangChain's view of it."""
    with _quiet():
        from langchain_community.vectorstores import Chroma

        return Chroma(PLAIN_COLLECTION, _Embeddings(embedder), client=client)


def _joined(documents: list[Document]) -> str:
    return "\n\n".join(document.page_content for document in documents)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
