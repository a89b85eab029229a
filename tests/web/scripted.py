"""An application whose chat does what a test says, and whose store is a dictionary."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.chat import Event, EventStream, Finished, Found, Reply, Source, Timings, Token
from rag.knowledge import Owner
from rag.limits import Limits, UnderWay
from rag.observability import TurnMetrics, TurnWatch
from rag.services import Services
from rag.settings import Settings

SOURCE = Source(1, "returns/return-window#0", "returns/return-window", "Return window", "", "You have 60 days.", 0.9)

Script = Callable[[], Generator[Event]]


@dataclass(frozen=True)
class Record:
    message: BaseMessage
    turn: int
    at: float


class ScriptedStore:
    def __init__(self) -> None:
        self.sessions: dict[str, list[Record]] = {}
        self.checks = 0
        self.error: Exception | None = None

    def health(self) -> None:
        self.checks += 1
        self._fail()

    def _fail(self) -> None:
        if self.error:
            raise self.error

    def records(self, session_id: str) -> Sequence[Record]:
        self._fail()
        return self.sessions.get(session_id, [])

    def ttl(self, session_id: str) -> float | None:
        return 3600.0 if session_id in self.sessions else None

    def live(self, session_ids: Sequence[str]) -> set[str]:
        return {session_id for session_id in session_ids if session_id in self.sessions}

    def collections(self, session_ids: Iterable[str]) -> dict[str, str]:
        return {session_id: "a-collection" for session_id in session_ids if session_id in self.sessions}

    def clear(self, session_id: str, who: str = "session") -> bool:
        del who
        self._fail()
        return self.sessions.pop(session_id, None) is not None


class ScriptedLibrary:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.own: list[str] = []
        """The sessions that have documents."""
        self.forgotten: list[str] = []

    def owners(self) -> list[Owner]:
        return [Owner(session_id, "a-collection") for session_id in self.own]

    def remembered(self) -> list[Owner]:
        return self.owners()

    def let_go(self, owners: Iterable[Owner]) -> None:
        assert {owner.session_id for owner in owners} <= {*self.own}

    def forget(self, *owners: Owner) -> None:
        self.forgotten += [owner.session_id for owner in owners]

    def health(self) -> None:
        if self.error:
            raise self.error


class ScriptedChat:
    """Plays `script`, then stores the turn. `freed` is set when the turn is over, however it ended."""

    def __init__(self, store: ScriptedStore) -> None:
        self.store = store
        self.script: Script = plain
        self.error: Exception | None = None
        self.freed = threading.Event()
        self.threads: set[int] = set()
        self.remote = False

    def stream(self, session_id: str, text: str, *, tokens: bool = True, **asker: object) -> EventStream:
        del tokens, asker  # told in any case: whoever asks for none has to get along with them
        if self.error:
            raise self.error
        stopped = threading.Event()
        return EventStream(self._turn(session_id, text, stopped), stopped, remote=self.remote)

    def _turn(self, session_id: str, text: str, stopped: threading.Event) -> Generator[Event]:
        answer = ""
        try:
            for event in self.script():
                self.threads.add(threading.get_ident())
                if isinstance(event, Token):
                    answer += event.text
                yield event
            if stopped.is_set():
                return
            number = self._store(session_id, text, answer)
            yield Finished(Reply(answer, (SOURCE,), text, "scripted", number, Timings()))
        finally:
            self.freed.set()

    def _store(self, session_id: str, text: str, answer: str) -> int:
        records = self.store.sessions.setdefault(session_id, [])
        number = len(records) // 2 + 1
        reply = AIMessage(answer, response_metadata={"sources": [SOURCE.to_dict()]})
        records += [Record(HumanMessage(text), number, 1e9), Record(reply, number, 1e9)]
        return number


def plain() -> Generator[Event]:
    yield Found((SOURCE,))
    yield Token("You have 60 days")
    yield Token(" [1].")


class Stuck:
    """A model that answers when `go_on` is set, and counts in `begun` who has asked it."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self) -> Generator[Event]:
        self.begun.release()
        self.go_on.wait(60)
        yield Token("At last.")


@dataclass
class ScriptedServices:
    store: ScriptedStore = field(default_factory=ScriptedStore)
    library: ScriptedLibrary = field(default_factory=ScriptedLibrary)
    chat: ScriptedChat = field(init=False)
    limits: Limits = field(default_factory=lambda: Limits(Settings()))
    under_way: UnderWay = field(default_factory=lambda: UnderWay(Settings()))
    watch: TurnWatch = field(default_factory=lambda: TurnWatch(TurnMetrics()))

    def __post_init__(self) -> None:
        self.chat = ScriptedChat(self.store)

    @property
    def typed(self) -> Services:
        """As the application's own: the API uses no more of them than there is here."""
        return cast(Services, self)
