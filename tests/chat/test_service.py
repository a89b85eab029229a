"""A turn is stored whole or not at all, and holds nothing of another session."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat import ChatService, Event, EventStream, Finished, Found, Token, Waiting, sources_of
from rag.chat.memory import LastTurns, Summarised
from rag.chat.offline import OfflineChatModel
from rag.chat.offline.ranking import Ranker
from rag.chat.prompt import parse_sources
from rag.chat.question import LONGEST_QUESTION
from rag.chat.service import OFFLINE_SOURCES
from rag.errors import BadQuestion, LibraryUnavailable, ModelUnavailable, TurnBusy, TurnLost
from rag.knowledge.embedding.embedders import WordLlamaEmbedder
from rag.sessions import SessionStore
from tests.chat.parts import SHARED, ScriptedModel, ShelfLibrary, passage, prompt_text, says

QUESTION = "How long is the return window for a tent?"
STOVE = "And for a stove?"


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel()


@pytest.fixture
def library() -> ShelfLibrary:
    return ShelfLibrary()


@pytest.fixture
def service(store: SessionStore, library: ShelfLibrary, model: ScriptedModel) -> ChatService:
    return ChatService(store, library, model)


def kinds(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def nothing_stored(service: ChatService, store: SessionStore, sid: str, before: Sequence[BaseMessage]) -> None:
    """The next turn of the session does not wait, and it is the first that is stored."""
    assert store.messages(sid) == list(before)
    events = list(service.stream(sid, "And now?"))
    assert "Waiting" not in kinds(events)
    assert len(store.messages(sid)) == len(before) + 2


# --- the whole turn ------------------------------------------------------------------------------------------


def test_a_turn_tells_its_sources_then_its_tokens_then_what_was_stored(
    service: ChatService, store: SessionStore, sid: str
) -> None:
    events = list(service.stream(sid, QUESTION))

    assert kinds(events) == ["Found", "Token", "Token", "Token", "Finished"]
    found, finished = events[0], events[-1]
    assert isinstance(found, Found)
    assert isinstance(finished, Finished)
    assert [source.passage_id for source in found.sources] == [passage.id for passage in SHARED]
    reply = finished.reply
    assert (reply.text, reply.model, reply.turn, reply.question) == ("Thirty days [1].", "scripted-1", 1, QUESTION)
    assert reply.sources == found.sources[:1]
    assert [message.text for message in store.messages(sid)] == [QUESTION, reply.text]


def test_sources_are_stored_with_the_answer_without_loss(service: ChatService, store: SessionStore, sid: str) -> None:
    reply = service.answer(sid, QUESTION)

    asked, answered = store.records(sid)
    assert sources_of(answered.message) == reply.sources
    assert sources_of(asked.message) == ()
    assert answered.documents == ("returns/window#0",)
    assert answered.message.response_metadata["model_name"] == "scripted-1"


@pytest.mark.parametrize(
    ("answer", "offline", "kept"),
    [
        ("Five [2], thirty [1][2].", False, [1, 2]),
        ("No marks.", False, [1, 2, 3]),
        ("A mark of nothing [7].", False, [1, 2, 3]),
        ("I do not know.", True, []),
        ("Five [2].", True, [2]),
    ],
)
def test_the_cited_sources_are_kept(
    store: SessionStore, library: ShelfLibrary, sid: str, answer: str, offline: bool, kept: list[int]
) -> None:
    service = ChatService(store, library, ScriptedModel(script=says(answer)), offline=offline)

    assert [source.number for source in service.answer(sid, QUESTION).sources] == kept


def test_the_offline_model_says_what_kind_of_answer_it_gave(
    store: SessionStore, library: ShelfLibrary, sid: str
) -> None:
    ChatService(store, library, OfflineChatModel(ranker=Ranker(WordLlamaEmbedder())), offline=True).answer(sid, "hello")
    ChatService(store, library, ScriptedModel()).answer(sid, QUESTION)

    kinds = [message.response_metadata.get("kind") for message in store.messages(sid) if message.type == "ai"]
    assert kinds == ["greeting", None]


def test_the_prompt_holds_sources_history_and_question(service: ChatService, model: ScriptedModel, sid: str) -> None:
    service.answer(sid, "My tent is the Alder 2. How long is the return window for a tent?")
    service.answer(sid, "What does delivery to the UK cost for an Alder 2 tent?")

    system, *turns = model.prompts[-1]
    assert [source.text for source in parse_sources(system.text)] == [passage.text for passage in SHARED]
    assert [message.type for message in turns] == ["human", "ai", "human"]
    assert turns[-1].text == "What does delivery to the UK cost for an Alder 2 tent?"


def test_the_search_gets_a_self_contained_question_and_this_session(
    store: SessionStore, library: ShelfLibrary, model: ScriptedModel, sid: str
) -> None:
    service = ChatService(store, library, model, offline=True)
    service.answer(sid, "How much is express delivery to Germany?")
    reply = service.answer(sid, "and to France?")

    text, k, session = library.asked[-1]
    assert (k, session) == (OFFLINE_SOURCES, sid)
    assert "express" in text
    assert "France" in text
    assert reply.question == text
    assert store.messages(sid)[2].text == "and to France?"
    assert store.messages(sid)[3].response_metadata["question"] == text


def test_with_a_language_model_the_rewriting_is_its_work(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        rewriting = "Rewrite the last question" in prompt_text(prompt)
        yield "How much is express delivery to France?" if rewriting else "Nine euros."

    service = ChatService(store, library, ScriptedModel(script=script))
    service.answer(sid, "How much is express delivery to Germany?")

    assert service.answer(sid, "and to France?").question == "How much is express delivery to France?"


def test_a_memory_policy_prunes_the_prompt_not_the_store(
    store: SessionStore, library: ShelfLibrary, model: ScriptedModel, sid: str
) -> None:
    service = ChatService(store, library, model, memory=LastTurns(1), offline=True)
    for number in range(4):
        service.answer(sid, f"How long is the return window for tent {number}?")

    assert [message.type for message in model.prompts[-1]] == ["system", "human", "ai", "human"]
    assert len(store.messages(sid)) == 8


def test_each_older_turn_is_summarised_once(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        text = prompt_text(prompt)
        yield f"Summary of {text.count('Tent number')}" if "Update the summary" in text else "Noted."

    model = ScriptedModel(script=script)
    service = ChatService(store, library, model, memory=Summarised(1, model))
    for number in range(4):
        service.answer(sid, f"How long is the return window for a tent? Tent number {number}.")

    requests = [prompt_text(prompt) for prompt in model.prompts if "Update the summary" in prompt_text(prompt)]
    assert [f"Tent number {number}" in request for number, request in enumerate(requests)] == [True] * 2
    assert all(request.count("Tent number") == 1 for request in requests)
    assert "Summary of 1" in model.prompts[-1][0].text
    info = store.info(sid)
    assert info is not None
    assert (info.summary, info.summary_turns) == ("Summary of 1", 2)
    assert "Summary of 1" in str(service.preview(sid, "How long is the return window?"))


def test_what_was_stored_as_one_turn_is_summarised_as_one(
    store: SessionStore, library: ShelfLibrary, model: ScriptedModel, sid: str
) -> None:
    told = ["My name is Zoe.", "My size is 52."]
    store.append(sid, [*map(HumanMessage, told), AIMessage("Noted.")])
    service = ChatService(store, library, model, memory=Summarised(1), offline=True)
    for number in range(3):
        assert all(text in str(service.preview(sid, "What is my size?")) for text in told)
        service.answer(sid, f"How long is the return window for tent {number}?")
        assert all(text in prompt_text(model.prompts[-1]) for text in told)


def test_the_title_is_the_first_question_on_one_line(service: ChatService, store: SessionStore, sid: str) -> None:
    service.answer(sid, "Where is\nmy order ORD-4821, which should have been delivered to me on Tuesday last week?")
    service.answer(sid, "Something else entirely: what is the warranty on boots?")

    info = store.info(sid)
    assert info is not None
    assert info.title == "Where is my order ORD-4821, which should have been…"
    assert info.model == "scripted-1"
    assert info.turns == 2


def test_the_phases_of_a_turn_are_timed(service: ChatService, sid: str) -> None:
    timings = service.answer(sid, QUESTION).timings

    assert timings.wait == 0
    assert min(timings.load, timings.retrieve, timings.ask, timings.save) > 0
    assert timings.first_token <= timings.ask
    assert timings.total < 60


def test_a_preview_is_what_the_next_turn_sends(
    service: ChatService, store: SessionStore, model: ScriptedModel, sid: str
) -> None:
    service.answer(sid, QUESTION)
    before = store.messages(sid)

    with store.turn(sid):
        shown = service.preview(sid, "What is the warranty on hiking boots?")

    assert store.messages(sid) == before
    service.answer(sid, "What is the warranty on hiking boots?")
    assert [(m.type, m.text) for m in shown] == [(m.type, m.text) for m in model.prompts[-1]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("x" * (LONGEST_QUESTION + 1), "4,001 characters"),
        ("hello\x00", "U\\+0000"),
        ("a \x1b[31m red", "U\\+001B"),
        ("half \ud83d", "U\\+D83D"),
    ],
)
def test_what_cannot_be_asked(service: ChatService, store: SessionStore, sid: str, text: str, words: str) -> None:
    with pytest.raises(BadQuestion, match=words):
        service.stream(sid, text)
    with pytest.raises(BadQuestion, match=words):
        service.preview(sid, text)
    assert store.info(sid) is None


def test_any_script_and_line_ends_can_be_asked(service: ChatService, store: SessionStore, sid: str) -> None:
    service.answer(sid, " Größe?\r\n尺寸\tمقاس 👩‍👧 \n")

    assert store.messages(sid)[0].text == "Größe?\n尺寸\tمقاس 👩‍👧"


def test_sources_of_histories_that_others_wrote() -> None:
    for metadata in ({}, {"sources": "x"}, {"sources": [1]}, {"sources": [{"title": "t"}]}, {"sources": None}):
        assert sources_of(AIMessage("hi", response_metadata=metadata)) == ()
    assert sources_of(HumanMessage("hi")) == ()


# --- what goes wrong, and what is stopped --------------------------------------------------------------------


def test_a_failing_model_stores_nothing(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        yield "Thirty "
        if prompt[-1].text == QUESTION:
            raise ModelUnavailable("http://m/v1", "the answer broke off")

    service = ChatService(store, library, ScriptedModel(script=script))
    service.answer(sid, "First?")
    before = store.messages(sid)
    events = service.stream(sid, QUESTION)
    assert kinds([next(events), next(events)]) == ["Found", "Token"]

    with pytest.raises(ModelUnavailable):
        next(events)

    nothing_stored(service, store, sid, before)


def test_a_failing_library_stores_nothing(
    service: ChatService, store: SessionStore, library: ShelfLibrary, model: ScriptedModel, sid: str
) -> None:
    library.error = LibraryUnavailable("/lib", "locked", "Stop the other program.")

    with pytest.raises(LibraryUnavailable, match=r"Stop the other program\."):
        service.answer(sid, QUESTION)

    assert model.prompts == []
    library.error = None
    nothing_stored(service, store, sid, [])


@pytest.mark.parametrize("taken", [0, 1, 2, 4])
def test_a_stopped_turn_stores_nothing(service: ChatService, store: SessionStore, sid: str, taken: int) -> None:
    events = service.stream(sid, QUESTION)
    for _ in range(taken):
        next(events)

    events.close()

    assert next(events, None) is None
    nothing_stored(service, store, sid, [])


def test_a_forgotten_turn_is_freed(service: ChatService, store: SessionStore, sid: str) -> None:
    events = service.stream(sid, QUESTION)
    next(events)
    del events
    gc.collect()

    nothing_stored(service, store, sid, [])


def test_stopped_by_another_thread_while_the_model_thinks(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    thinking, go_on = threading.Event(), threading.Event()

    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        yield "Thirty "
        thinking.set()
        go_on.wait(20)
        yield "days."

    service = ChatService(store, library, ScriptedModel(script=script))
    events = service.stream(sid, QUESTION)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(list, events)
        thinking.wait(20)
        events.close()
        go_on.set()
        seen = read.result(20)

    assert kinds(seen) == ["Found", "Token"]
    nothing_stored(service, store, sid, [])


def test_without_tokens_a_turn_is_the_same_and_is_stopped_all_the_same(
    store: SessionStore, library: ShelfLibrary, sid: str
) -> None:
    said: list[str] = []
    events: EventStream | None = None

    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        for word in ("Thirty ", "days ", "[1]."):
            said.append(word)
            if events is not None and prompt[-1].text == STOVE:
                events.stop()
            yield word

    service = ChatService(store, library, ScriptedModel(script=script))
    found, finished = service.stream(sid, QUESTION, tokens=False)
    assert isinstance(found, Found)
    assert isinstance(finished, Finished)
    assert finished.reply.text == store.messages(sid)[-1].text == "Thirty days [1]."

    said.clear()
    events = service.stream(sid, STOVE, tokens=False)
    assert kinds([*events]) == ["Found"]
    assert said[-4:] == ["Thirty ", "days ", "[1].", "Thirty "]  # of the question made self-contained, and the answer's
    events = None
    nothing_stored(service, store, sid, store.messages(sid)[:2])


def test_stopping_after_the_end_changes_nothing(service: ChatService, store: SessionStore, sid: str) -> None:
    events = service.stream(sid, QUESTION)
    list(events)
    events.close()

    assert len(store.messages(sid)) == 2


def test_a_second_turn_of_the_session_waits_and_sees_the_first(
    service: ChatService, store: SessionStore, model: ScriptedModel, sid: str
) -> None:
    first = service.stream(sid, QUESTION)
    next(first)
    waiting = threading.Event()
    seen: list[Event] = []

    def read() -> None:
        for event in service.stream(sid, "What is the warranty on hiking boots?"):
            seen.append(event)
            waiting.set()

    second = threading.Thread(target=read)
    second.start()
    assert waiting.wait(20)
    assert kinds(seen) == ["Waiting"]
    list(first)
    second.join(30)

    assert kinds(seen)[-1] == "Finished"
    assert QUESTION in prompt_text(model.prompts[-1])
    assert [record.turn for record in store.records(sid)] == [1, 1, 2, 2]


def test_a_session_that_stays_busy_is_an_error(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    service = ChatService(store, library, ScriptedModel(), wait=0.1)
    with store.turn(sid):
        events = service.stream(sid, QUESTION)
        assert next(events) == Waiting(0.1)
        with pytest.raises(TurnBusy):
            next(events)
        service.answer(f"{sid}-other", QUESTION)

    nothing_stored(service, store, sid, [])


def test_an_answer_that_could_not_be_saved_is_an_error(service: ChatService, store: SessionStore, sid: str) -> None:
    service.answer(sid, "First?")
    events = service.stream(sid, QUESTION)
    seen = [next(events), next(events)]

    store.clear(sid)

    with pytest.raises(TurnLost, match="was not saved"):
        seen.extend(events)
    assert "Finished" not in kinds(seen)
    nothing_stored(service, store, sid, [])


# --- many at once --------------------------------------------------------------------------------------------


def test_twenty_sessions_at_once_never_see_each_other(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    """The model repeats everything that it is shown, so a foreign word would spread through every later turn."""

    def script(prompt: Sequence[BaseMessage]) -> Iterator[str]:
        for message in prompt:
            yield f"{message.text} "

    model = ScriptedModel(script=script)
    service = ChatService(store, library, model, offline=True)
    people = {f"{sid}-{number}": f"SECRET-{number:02}-X" for number in range(20)}
    for person, secret in people.items():
        library.own[person] = passage(f"own/{secret}", f"The file of {secret}", private=True)
    together = threading.Barrier(len(people))

    def talk(person: str) -> None:
        together.wait(30)
        for turn in range(3):
            service.answer(person, f"Turn {turn}: my word is {people[person]}, what is it?")

    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(talk, people))

    assert len(model.prompts) == 60
    for prompt in model.prompts:
        text = prompt_text(prompt)
        assert sum(secret in text for secret in people.values()) == 1
    for person, secret in people.items():
        stored = prompt_text(store.messages(person))
        assert [other for other in people.values() if other in stored] == [secret]
        assert len(store.messages(person)) == 6


def test_twenty_tabs_of_one_session_are_one_history(store: SessionStore, library: ShelfLibrary, sid: str) -> None:
    service = ChatService(store, library, ScriptedModel(), offline=True, wait=60)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda tab: service.answer(sid, f"Question of tab {tab}: how long?"), range(20)))

    messages = store.messages(sid)
    assert [message.type for message in messages] == ["human", "ai"] * 20
    assert len({message.text for message in messages[::2]}) == 20


def test_tokens_are_values(service: ChatService, sid: str) -> None:
    tokens = [event for event in service.stream(sid, QUESTION) if isinstance(event, Token)]

    assert tokens == [Token("Thirty "), Token("days "), Token("[1].")]
