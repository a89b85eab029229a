"""What the chat records of a turn: the prompt as it was sent, with nothing repeated that is stored elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat import ChatService
from rag.chat.memory import LastTurns, Remembered, Summary
from rag.chat.trace import LARGEST, OwnMessages, SentMessage, Trace, digest, read
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.protocol.scripts import TRACES
from tests.chat.parts import SHARED, ScriptedModel, ShelfLibrary, passage
from tests.servers import Server
from tests.sessions.backends import KEYS


@pytest.fixture
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with Server() as server:
        client = connect(server.url)
        yield client
        client.close()


class Mixed(LastTurns):
    """A memory with the bug: somebody else's message gets between this session's."""

    def remember(self, messages: object, summary: Summary | None = None, turn_at: object = None) -> Remembered:
        own = [*super().remember(messages, summary, turn_at).messages]  # type: ignore[arg-type]
        theirs: list[BaseMessage] = [HumanMessage("My order is THEIRS"), AIMessage("x" * 9000)]
        return Remembered((*own[:2], *theirs, *own[2:]))


def traces(store: SessionStore, sid: str) -> list[Trace]:
    found = [read(text) for text in store.traces(sid)]
    assert None not in found
    return [one for one in found if one is not None]


def test_a_trace_says_what_was_sent_and_repeats_nothing(client: Client) -> None:
    for keys in ((), KEYS[:1]):
        store, library = SessionStore(client, encryption_keys=keys), ShelfLibrary()
        sid = f"traced-{len(keys)}"
        library.own[sid] = passage("upload:mine.txt", "My own text.", private=True)
        chat = ChatService(store, library, ScriptedModel())
        for number in range(3):
            chat.answer(sid, f"Question {number}, my order is MINE-{number} \U0001f44b")
        *_, last = traces(store, sid)
        assert (last.session, last.turn, last.model) == (sid, 3, "scripted-1")
        assert [one.digest for one in last.found] == [digest("My own text."), *(digest(one.text) for one in SHARED)]
        assert [one.private for one in last.found] == [True, False, False, False]
        texts = [message.text for message in store.messages(sid)[:4]]
        assert last.history == (OwnMessages(4, 1, 2, digest(*texts)),)
        assert set(last.milliseconds) == {"load", "rewrite", "retrieve", "first_token", "ask"}
        for raw in client.lrange(f"trace:{{{sid}}}", 0, -1):
            assert not [text for text in (b"My own text", b"MINE-", b"within 30 days") if text in str(raw).encode()]
        assert (b"upload:mine.txt" in str(raw).encode()) is not bool(keys)


def test_what_is_not_the_sessions_own_is_kept_as_it_was_sent(client: Client) -> None:
    store = SessionStore(client)
    chat = ChatService(store, ShelfLibrary(), ScriptedModel(), memory=Mixed(20))
    for number in range(3):
        chat.answer("mixed", f"Question {number}")
    first, _, last = traces(store, "mixed")
    assert first.history == (SentMessage("human", "My order is THEIRS", 18), SentMessage("ai", "x" * 4000, 9000))
    own = [message.text for message in store.messages("mixed")]
    assert last.history == (
        OwnMessages(2, 1, 1, digest(*own[:2])),
        *first.history,
        OwnMessages(2, 2, 2, digest(*own[2:4])),
    )


def test_traces_are_few_live_as_long_as_the_session_and_go_with_it(client: Client) -> None:
    store = SessionStore(client, ttl=500)
    chat = ChatService(store, ShelfLibrary(), ScriptedModel())
    for number in range(TRACES + 2):
        chat.answer("many", f"Question {number}")
    assert [one.turn for one in traces(store, "many")] == list(range(3, TRACES + 3))

    def left() -> set[int]:
        return {round(client.pttl(key) / 1000) for key in client.scan_iter("*{many}*")}

    assert len([*client.scan_iter("*{many}*")]) == 3
    assert left() == {500}
    store.extend("many", 700)
    assert left() == {700}
    store.append("many", [HumanMessage("Written by another program")])
    assert left() == {700}
    store.pin("many")
    assert all(client.pttl(key) == -1 for key in client.scan_iter("*{many}*"))
    store.unpin("many")
    assert left() == {500}
    store.clear("many")
    assert not [*client.scan_iter("*{many}*")]
    assert store.traces("many") == []


def test_a_turn_does_not_depend_on_its_trace(client: Client) -> None:
    store = SessionStore(client)
    client.set("trace:{spoiled}", "somebody else's")
    chat = ChatService(store, ShelfLibrary(), ScriptedModel())
    chat.answer("spoiled", "Is it stored?")
    assert len(store.messages("spoiled")) == 2
    assert store.traces("spoiled") == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"v":1}', "[" * 100_000, "x" * (LARGEST + 1), '{"v":1,"found":7}'])
def test_what_is_no_trace_is_none(text: str) -> None:
    assert read(text) is None
