"""One turn, from a question to a stored answer. It holds no session: every call names its own.

A turn is all or nothing. The session's turn is taken first, because the search needs the history, and what goes wrong
or is stopped after that stores nothing and frees it. Errors are CrosswireErrors: BadQuestion, TurnBusy,
SessionStoreUnavailable, LibraryUnavailable, ModelError, and TurnLost for an answer that was shown but not saved.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from threading import Event as Flag
from threading import Lock
from time import perf_counter
from typing import NamedTuple, Protocol

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from rag.chat.citations import MARK
from rag.chat.events import Event, EventStream, Finished, Found, Reply, Timings, Token, TurnObserver, Waiting
from rag.chat.memory import LastTurns, Memory, Remembered, Summary
from rag.chat.models import model_name
from rag.chat.pieces import pieces_of
from rag.chat.prompt import Source, build_prompt
from rag.chat.question import checked, rewritten, title_of
from rag.chat.retrieval import search
from rag.chat.trace import written
from rag.errors import CredentialEnded, TurnBusy
from rag.knowledge import Passage
from rag.sessions import SessionStore, Turn
from rag.sessions.allowance import Allowance
from rag.sessions.revocations import Credential

SOURCES, OFFLINE_SOURCES = 4, 6
"""Passages of a turn. Quoting costs nothing by the word, so the offline model chooses from more."""


class Searchable(Protocol):
    """The part of the library that a turn needs."""

    def search(self, text: str, k: int = ..., session_id: str | None = ..., collection: str = ...) -> list[Passage]: ...


class ChatService:
    """Stateless and thread-safe: one instance serves all sessions of a process."""

    def __init__(
        self,
        store: SessionStore,
        library: Searchable,
        model: BaseChatModel,
        *,
        memory: Memory | None = None,
        offline: bool = False,
        wait: float = 30.0,
        observer: TurnObserver | None = None,
    ) -> None:
        """`memory`: what of a history the model sees, by default its last 20 turns. `offline`: the model only quotes.

        `wait`: seconds to wait for another turn of the same session. `observer`: is told how each turn ended.
        """
        self._store = store
        self._library = library
        self._model = model
        self._memory = memory or LastTurns(20)
        self._offline = offline
        self._wait = wait
        self._observer = observer
        self._under_way = _Count()
        self.model_name = model_name(model)

    def with_model(self, model: BaseChatModel) -> ChatService:
        """The same store, library and memory, all answered by another model. Nobody observes its turns."""
        memory = self._memory if self._memory.model is None else replace(self._memory, model=model)
        return ChatService(self._store, self._library, model, memory=memory, offline=True, wait=self._wait)

    def unobserved(self) -> ChatService:
        """The same, without being counted."""
        model, memory = self._model, self._memory
        return ChatService(self._store, self._library, model, memory=memory, offline=self._offline, wait=self._wait)

    def busy(self) -> bool:
        """Whether a turn is under way."""
        return self._under_way.count > 0

    def answer(self, session_id: str, text: str) -> Reply:
        """The whole turn at once."""
        with self.stream(session_id, text, tokens=False) as events:
            for event in events:
                if isinstance(event, Finished):
                    return event.reply
        raise AssertionError("a turn ends with Finished or with an error")

    def stream(
        self,
        session_id: str,
        text: str,
        *,
        tokens: bool = True,
        credential: Credential | None = None,
        allowance: Allowance | None = None,
    ) -> EventStream:
        """The turn as events, with `tokens` or without. A bad question raises at once, all else while they are read.

        credential, allowance: of whoever asks. Instead of the first event, CredentialEnded or OverLimit is raised where
        they have ended or are used up.
        """
        question = checked(text)
        stopped = Flag()
        events = self._observed(session_id, question, stopped, tokens, _Asker(credential, allowance))
        return EventStream(events, stopped, remote=not self._offline)

    def once(self, text: str, *, tokens: bool = True) -> EventStream:
        """A question without a session, as `stream` tells it: neither a history nor anybody's documents, and nothing is
        stored. Its reply has no turn."""
        question = checked(text)
        stopped = Flag()
        return EventStream(self._alone(question, stopped, tokens), stopped, remote=not self._offline)

    def preview(self, session_id: str, text: str) -> list[BaseMessage]:
        """What the model would be sent if this were asked now. Takes no turn and stores nothing."""
        question = checked(text)
        info = self._store.info(session_id)
        records = self._store.records(session_id)
        summary = None
        if info is not None and info.summary:
            summary = Summary(info.summary, sum(record.turn <= info.summary_turns for record in records))
        remembered = self._memory.remember(
            [record.message for record in records], summary, lambda place: records[place].turn
        )
        collection, alone = self._store.collection(session_id), self._rewritten(question, remembered)
        sources, _ = self._search(session_id, question, remembered, alone, collection)
        return build_prompt(sources, remembered.messages, question)

    def _observed(
        self, session_id: str, question: str, stopped: Flag, told_tokens: bool, asker: _Asker
    ) -> Generator[Event]:
        told, observer = _Told(), self._observer
        with self._under_way:
            try:
                reply = yield from self._turn(session_id, question, stopped, told_tokens, asker, told)
            except CredentialEnded:  # no turn of this session
                raise
            except GeneratorExit:
                if observer is not None:
                    observer.stopped(session_id, told.number)
                raise
            except Exception as error:
                if observer is not None:
                    observer.failed(session_id, told.number, error)
                raise
            if reply is not None:
                if observer is not None and reply.turn is not None:
                    observer.answered(session_id, reply.turn, reply.timings)
                yield Finished(reply)
            elif observer is not None:
                observer.stopped(session_id, told.number)

    def _turn(
        self, session_id: str, question: str, stopped: Flag, told_tokens: bool, asker: _Asker, told: _Told
    ) -> Generator[Event, None, Reply | None]:
        """None: it was stopped."""
        clock = _Clock()
        with ExitStack() as held:
            try:
                first = self._store.turn(session_id, 0, credential=asker.credential, allowance=asker.allowance)
                turn = held.enter_context(first)
            except TurnBusy:
                yield Waiting(self._wait)
                turn = held.enter_context(self._store.turn(session_id, wait=self._wait))
                clock.lap("wait")
            clock.lap("load")
            told.number = turn.turns + 1
            known = Summary(turn.summary, turn.summarised) if turn.summary else None
            remembered = self._memory.remember(turn.messages, known, turn.turn_at)
            alone = self._rewritten(question, remembered)
            clock.lap("rewrite")
            sources, searched = self._search(session_id, question, remembered, alone, turn.collection)
            clock.lap("retrieve")
            yield Found(tuple(sources))

            prompt = build_prompt(sources, remembered.messages, question)
            answer, kind = yield from self._asked(prompt, clock, stopped, told_tokens)
            if stopped.is_set():
                return None
            kept = self._kept(sources, answer)
            summary = remembered.summary if remembered.summary != known else None
            trace = written(turn, prompt, sources, _earlier(remembered), searched, self.model_name, clock.timings())
            number = self._commit(turn, question, self._message(answer, kept, searched, kind), summary, trace)
            clock.lap("save")
        return Reply(answer, kept, searched, self.model_name, number, clock.timings())

    def _alone(self, question: str, stopped: Flag, told_tokens: bool) -> Generator[Event]:
        clock = _Clock()
        sources, searched = self._search(None, question, Remembered(()))
        clock.lap("retrieve")
        yield Found(tuple(sources))
        answer, _ = yield from self._asked(build_prompt(sources, (), question), clock, stopped, told_tokens)
        if not stopped.is_set():
            yield Finished(Reply(answer, self._kept(sources, answer), searched, self.model_name, None, clock.timings()))

    def _asked(
        self, prompt: list[BaseMessage], clock: _Clock, stopped: Flag, told_tokens: bool
    ) -> Generator[Event, None, tuple[str, str]]:
        """The model's answer, and of what kind it says it is."""
        answer, kind = "", ""
        # A model over the wire tells its words in any case: between two of them it can be stopped.
        with closing(pieces_of(self._model, prompt, whole=self._offline and not told_tokens)) as pieces:
            for token, told in pieces:
                kind = told or kind
                if not token:
                    continue
                if not answer:
                    clock.mark("first_token")
                answer += token
                if told_tokens:
                    yield Token(token)
                elif stopped.is_set():
                    break
        clock.lap("ask")
        return answer, kind

    def _rewritten(self, question: str, remembered: Remembered) -> str | None:
        """The question made self-contained by the model. It rests on what the model sees too, and on no older turn."""
        return None if self._offline else rewritten(question, remembered.messages, self._model)

    def _search(
        self,
        session_id: str | None,
        question: str,
        remembered: Remembered,
        alone: str | None = None,
        collection: str = "",
    ) -> tuple[list[Source], str]:
        """The sources, and the question as it was searched for: `alone`, or with the messages that it follows up."""
        count = OFFLINE_SOURCES if self._offline else SOURCES

        def find(text: str, k: int) -> list[Passage]:
            return self._library.search(text, k, session_id, collection)

        history = () if alone else remembered.messages
        passages, searched = search(find, alone or question, history, count)
        return [source_of(number, passage) for number, passage in enumerate(passages, 1)], searched

    def _kept(self, sources: Sequence[Source], answer: str) -> tuple[Source, ...]:
        """The cited sources. A language model that cites none may have used any; the offline one used none."""
        cited = {int(number) for number in MARK.findall(answer)}
        kept = tuple(source for source in sources if source.number in cited)
        return kept if kept or self._offline else tuple(sources)

    def _message(self, answer: str, sources: Sequence[Source], searched: str, kind: str) -> AIMessage:
        """The answer as it is stored."""
        metadata = {
            "sources": [source.to_dict() for source in sources],
            "model_name": self.model_name,
            "question": searched,
            **({"kind": kind} if kind else {}),
        }
        return AIMessage(answer, response_metadata=metadata)

    def _commit(self, turn: Turn, question: str, answer: AIMessage, summary: Summary | None, trace: str) -> int:
        return turn.commit(
            [HumanMessage(question), answer],
            documents=[source.passage_id for source in sources_of(answer)],
            model=self.model_name,
            title=None if turn.messages else title_of(question),
            summary=(summary.text, turn.turn_at(summary.messages - 1)) if summary else None,
            trace=trace,
        )


class _Asker(NamedTuple):
    credential: Credential | None
    allowance: Allowance | None


class _Told:
    """Of a turn under way, for whoever is told how it ended."""

    number: int | None = None


class _Count:
    """Of those who are in it. Thread-safe."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.count -= 1


class _Clock:
    def __init__(self) -> None:
        self._phases: dict[str, float] = {}
        self._since = perf_counter()

    def mark(self, phase: str) -> None:
        self._phases[phase] = perf_counter() - self._since

    def lap(self, phase: str) -> None:
        self.mark(phase)
        self._since = perf_counter()

    def timings(self) -> Timings:
        return Timings(**self._phases)


def _earlier(remembered: Remembered) -> str:
    """The summary that is sent."""
    return "\n".join(message.text for message in remembered.messages if isinstance(message, SystemMessage))


def sources_of(message: BaseMessage) -> tuple[Source, ...]:
    """The sources that were stored with an answer; none for any other message."""
    stored = message.response_metadata.get("sources", ())
    try:
        return tuple(Source.from_dict(values) for values in stored)
    except (TypeError, AttributeError):  # an application of another kind wrote this history
        return ()


def source_of(number: int, passage: Passage) -> Source:
    """A passage as the model is shown it."""
    found = passage
    return Source(
        number, found.id, found.document_id, found.title, found.heading, found.text, found.score, found.private
    )
