"""An act: one memory, from when the presenter chose it until the next one; and the log that the checker judges.

The turns of all people run as one: each step of a memory is played when it is due, and between two of them may come
anybody else's. So there is no thread here, and two people who ask at the same instant do so in every run.
"""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rag.crosstalk.checker.check import Checker, Report, check
from rag.crosstalk.log.events import Event, Fail, History, Info, Invoke, Message, Ok, Prompt
from rag.crosstalk.room import talk
from rag.crosstalk.room.people import Person
from rag.crosstalk.run.hosts import shown
from rag.crosstalk.strategies import STRATEGIES, Asked, Lab, Steps, Strategy, Wait, make
from rag.errors import CrosswireError

WINDOW = 64
"""Turns of memory that a prompt holds: more than there are people, who may all say hello at the same instant."""
PATIENCE = 20.0
"""Seconds after which a turn that still waits is given up."""
AGAIN = 0.02
"""Seconds after which a step that cannot be taken yet is tried again."""

MEMORIES = tuple(
    name for name, kind in STRATEGIES.items() if kind.in_process and not kind.on_disk and not kind.uses_redis
)
"""Of the gallery, those that keep everything in the process: a room stores nothing anywhere."""


class UnknownMemory(CrosswireError):
    """No memory of that name can be put into a room."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"A room has no memory {name!r}. Choose one of: {', '.join(MEMORIES)}.")


@dataclass(frozen=True, slots=True)
class Leak:
    """Somebody was shown somebody else's secret, as the checker says. user, owner: numbers of people."""

    op: int
    user: int
    owner: int
    secret: str
    sentence: str
    t: float


@dataclass(slots=True)
class Turn:
    """question, answer: as they are shown. answer: None until there is one. t: seconds, as the room was told."""

    op: int
    person: Person
    question: str
    asked: float
    answer: str | None = None
    ended: float | None = None
    failed: bool = False
    leaks: list[Leak] = field(default_factory=list)


class Act:
    """Not thread-safe. latency: how many seconds the model takes, called once a turn."""

    def __init__(self, memory: str, sessions: str, begun: float, latency: Callable[[], float]) -> None:
        """sessions: what the session ids of this act begin with. Raises UnknownMemory."""
        if memory not in MEMORIES:
            raise UnknownMemory(memory)
        self.memory = memory
        self.begun = begun
        self.turns: dict[int, Turn] = {}
        self.leaks: list[Leak] = []
        self.events: list[Event] = []
        self.verdict = ""
        """The checker's sentence about all of it, as far as it was asked for: about so many events, and when to ask
        again."""
        self.judged_events, self.judged_next = 0, 0.0
        self.report: tuple[int, Report] | None = None
        """The checker's report of so many events, if it was asked for."""
        self._sessions = sessions
        self._latency = latency
        self._strategy: Strategy = make(memory, Lab(Path(tempfile.gettempdir()), "room:"))
        self._checker = Checker(window=WINDOW, keeps=STRATEGIES[memory].keeps)
        self._people: dict[str, Person] = {}
        self._turns: dict[int, list[Turn]] = {}
        self._due: list[tuple[float, int, int]] = []
        self._steps: dict[int, tuple[Steps, str]] = {}
        self._messages: dict[Message, Message] = {}
        self._order = 0
        self._answers = 0
        self._made: dict[int, str] = {}
        """What the model answered, by turn: a memory may hand it to another one."""

    @property
    def kind(self) -> type[Strategy]:
        return STRATEGIES[self.memory]

    @property
    def due(self) -> float | None:
        """When the next step is to be played; None: nobody waits for an answer."""
        return self._due[0][0] if self._due else None

    @property
    def busy(self) -> set[int]:
        """Numbers of the people who wait for an answer."""
        return {self.turns[op].person.number for op in self._steps}

    def knows(self, person: Person) -> bool:
        """Whether this person has said hello to this memory."""
        return person.number in self._turns

    def greet(self, person: Person, now: float) -> Turn:
        """This person says hello to this memory, and tells it the secret."""
        self._people[person.name] = person
        return self._begin(person, talk.HELLO.format(name=person.name, secret=person.secret), now, (person.secret,))

    def ask(self, person: Person, question: str, now: float) -> Turn:
        """Begin a turn; `play` goes on with it."""
        return self._begin(person, question, now)

    def _begin(self, person: Person, question: str, now: float, plants: tuple[str, ...] = ()) -> Turn:
        op = len(self.turns) + 1
        turn = self.turns[op] = Turn(op, person, question, now)
        theirs = self._turns.setdefault(person.number, [])
        theirs.append(turn)
        text = talk.marked(question, person.name, len(theirs))
        session = self.session(person)
        self._log(Invoke(op, person.name, session, now, text, plants=plants, window=WINDOW))

        def ask(messages: Sequence[Message]) -> str:
            prompt = shown(messages, (), WINDOW)
            self._log(Prompt(op, self._once(prompt)))
            self._answers += 1
            self._made[op] = talk.answer(prompt, self._answers)
            return self._made[op]

        asked = Asked(op, person.name, session, text, ask, lambda _: None)
        self._steps[op] = (self._strategy.turn(asked), "")
        self._later(op, now)
        return turn

    def session(self, person: Person) -> str:
        """Neighbours' ids differ by case alone, as in a simulation: exact ids keep them apart."""
        return f"{self._sessions}-{person.number // 2}{'aA'[person.number % 2]}"

    def play(self, now: float) -> list[Turn]:
        """Every step that is due by now. Returns the turns that ended."""
        ended = []
        while self._due and self._due[0][0] <= now:
            _, _, op = heapq.heappop(self._due)
            if op in self._steps and self._step(op, now):
                ended.append(self.turns[op])
        return ended

    def close(self, now: float) -> None:
        """Nothing more is asked: turns under way are given up, and what is stored is read for the checker."""
        for op in list(self._steps):
            self._end(op, Info(op, now, "stopped: the memory was switched"))
        for person in self._people.values():
            # For the report alone: it would hold up everybody to look through all of it here.
            session = self.session(person)
            with suppress(Exception):  # a memory that cannot be read leaves this session's read out
                self.events.append(History(session, now, self._once(self._strategy.history(session))))
        self._strategy.close()

    def turns_of(self, person: Person) -> list[Turn]:
        return self._turns.get(person.number, [])

    def _once(self, messages: Sequence[Message]) -> tuple[Message, ...]:
        """The same, each message kept once: every prompt of a shared memory holds those of all the others."""
        return tuple(self._messages.setdefault(one, one) for one in messages)

    def _later(self, op: int, at: float) -> None:
        self._order += 1  # of those that are due at the same time, each takes one step after the other
        heapq.heappush(self._due, (at, self._order, op))

    def _step(self, op: int, now: float) -> bool:
        """Take one step of this turn; whether it ended."""
        steps, label = self._steps[op]
        if isinstance(label, Wait) and not label.ready():
            if now - self.turns[op].asked < PATIENCE:
                self._later(op, now + AGAIN)
                return False
            self._end(op, Info(op, now, "timed out"))
            return True
        try:
            label = next(steps)
        except StopIteration as end:
            made, told = self._made.get(op), str(end.value)
            self._end(op, Ok(op, now, told, made if made != told else None))
            return True
        except Exception as exc:  # a memory may go wrong in any way, and that is a result
            self._end(op, Info(op, now, type(exc).__name__))
            return True
        self._steps[op] = (steps, label)
        self._later(op, now + (self._latency() if label == "ask" else 0.0))
        return False

    def _end(self, op: int, event: Ok | Fail | Info) -> None:
        steps, _ = self._steps.pop(op)
        self._made.pop(op, None)
        steps.close()
        turn = self.turns[op]
        turn.ended = event.t
        if isinstance(event, Ok):
            turn.answer = talk.unmarked(event.answer)
        else:
            turn.failed = True
        self._log(event)

    def _log(self, event: Event) -> None:
        """The checker sees it at once: what it finds in an answer is known when the answer is."""
        self.events.append(event)
        kept = self._checker.found.kept
        before = len(kept)
        self._checker.take(event)
        for one in kept[before:]:
            if one.surface != "answer" or one.op is None or one.owner is None or one.canary is None:
                continue
            turn, owner = self.turns[one.op], self._people[one.owner]
            leak = Leak(one.op, turn.person.number, owner.number, one.canary, self._checker.told(one), one.t)
            turn.leaks.append(leak)
            self.leaks.append(leak)


def judge(memory: str, events: Sequence[Event]) -> Report:
    """The checker's report of what has happened with a memory so far."""
    return check(events, window=WINDOW, keeps=STRATEGIES[memory].keeps)
