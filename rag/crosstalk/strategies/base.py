"""What a memory strategy is: the memory of a chat service, cut into the steps between which another turn may come.

A turn is a generator that yields a label before each atomic step and returns the answer. Threads drive it straight
through, a scheduler drives it step by step: the same code, no clock and no chance in it. What a bug shares, it shares
in the strategy's instance, and that is made for one run.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from rag.crosstalk.checker.anomalies import LOST_APPEND, Definition, in_group
from rag.crosstalk.log.events import Document, Message
from rag.crosstalk.strategies.lab import Lab
from rag.syntax import source_of

__all__ = [
    "WRONG",
    "Asked",
    "Document",
    "Fact",
    "Lab",
    "Message",
    "PerSession",
    "Shared",
    "Steps",
    "Strategy",
    "Wait",
    "any_of",
    "pair",
    "question",
]

Steps = Generator[str, None, str]
"""Labels, one before each atomic step; then the answer. A label's first word is the phase that its step belongs to:
wait, load, retrieve, ask or save."""

Grade = Literal["wrong", "subtle", "right"]

NOTHING: frozenset[str] = frozenset()
FORGOTTEN = in_group("lost", "forgotten")
"""What it looks like when a process does not know what another one was told."""


class Wait(str):
    """A label before a step that blocks until `ready()`: a thread goes on, a scheduler does not offer it before."""

    __slots__ = ("ready",)
    ready: Callable[[], bool]

    def __new__(cls, label: str, ready: Callable[[], bool]) -> Self:
        wait = super().__new__(cls, label)
        wait.ready = ready
        return wait


@dataclass(frozen=True, slots=True)
class Asked:
    """One turn as a strategy sees it.

    ask: the model. It is given the history, oldest first, and the question last, and returns the answer.
    retrieved: has to be told what a retriever gave.
    """

    op: int
    user: str
    session: str
    text: str
    ask: Callable[[Sequence[Message]], str]
    retrieved: Callable[[Sequence[Document]], None]


def question(asked: Asked) -> Message:
    return Message("user", asked.text)


def pair(asked: Asked, answer: str) -> tuple[Message, Message]:
    return Message("user", asked.text), Message("assistant", answer)


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the facts table. seen: in how many interleavings any of these kinds (see `any_of`) is seen; WRONG: in
    how many anything goes wrong. note: what the table says otherwise, and why."""

    what: str
    interleavings: int
    seen: Mapping[str, int]
    tabs: bool = False
    turns: int = 1
    note: str = ""
    strategy: str = ""


WRONG = "wrong"


def any_of(*definitions: Definition) -> str:
    return "+".join(one.kind for one in definitions)


class Strategy(ABC):
    """One instance serves all turns of a process, from many threads, as the memory of a web app does. All that is known
    of a strategy is in its class, and a file below this folder is all that a new one takes.

    title: what it is called where people read; its name is for commands and files.

    keeps: False where it keeps nothing by design: isolation is what it is judged by, and what it loses is no fault.
    place: in the order in which the story tells them; a low number is early. lesson_only: for the race lab and its
    facts, no part of the gallery. seen: where the bug was reported. expects: the anomaly kinds that separate users meet
    in one process; empty: right. expects_tabs and so on: those that come with two tabs of a session, several processes,
    cancelled turns and a restart. may: kinds that come and go with chance, and with how much runs at once. in_process:
    what it remembers is in the process' memory alone; on_disk: some of that is a database. cancels: the share of
    cancelled turns that it takes to see the bug. facts: what all interleavings of two actors show. A line of the source
    that ends in `# the bug` is what is wrong with it.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    place: ClassVar[int] = 1000
    lesson: ClassVar[str]
    wrong: ClassVar[str] = ""
    seen: ClassVar[tuple[str, ...]] = ()
    fix: ClassVar[str] = ""
    expects: ClassVar[frozenset[str]] = NOTHING
    expects_tabs: ClassVar[frozenset[str]] = NOTHING
    expects_processes: ClassVar[frozenset[str]] = NOTHING
    expects_cancelled: ClassVar[frozenset[str]] = NOTHING
    expects_restart: ClassVar[frozenset[str]] = NOTHING
    may: ClassVar[frozenset[str]] = NOTHING
    cancels: ClassVar[float] = 0.0
    facts: ClassVar[tuple[Fact, ...]] = ()
    keeps: ClassVar[bool] = True
    in_process: ClassVar[bool] = False
    on_disk: ClassVar[bool] = False
    uses_redis: ClassVar[bool] = False
    lesson_only: ClassVar[bool] = False

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    @abstractmethod
    def turn(self, asked: Asked) -> Steps:
        """One turn. Closed in the middle, it was cancelled."""

    @abstractmethod
    def history(self, session: str) -> list[Message]:
        """What is stored of this session, oldest first."""

    def forget(self, sessions: Sequence[str]) -> None:
        """Delete what is stored of these sessions outside of this process. For the end of a run."""
        del sessions

    @classmethod
    def left(cls, lab: Lab) -> str:
        """What stays where `forget` fails, and how that goes, in a sentence; empty: nothing."""
        return f"Its keys in Redis expire within {lab.ttl // 60} minutes." if cls.uses_redis else ""

    def close(self) -> None:
        """Let go of files and connections."""
        return

    @classmethod
    def grade(cls) -> Grade:
        """wrong: users meet. subtle: they stay apart, but tabs, processes, cancelled turns or a restart break it."""
        if cls.expects or cls.cancels:
            return "wrong"
        later = cls.expects_tabs | cls.expects_processes | cls.expects_cancelled | cls.expects_restart
        return "subtle" if cls.keeps and (later or cls.in_process) else "right"

    @classmethod
    def source(cls) -> str:
        """Its own file; of a small one for the race lab, its class alone."""
        return source_of(cls if cls.lesson_only else sys.modules[cls.__module__])

    @classmethod
    def expected(
        cls, *, tabs: int = 1, processes: int = 1, cancelled: float = 0.0, restart: bool = False
    ) -> frozenset[str]:
        """The anomaly kinds that a run with these settings has to find."""
        if cls.in_process and restart:
            return cls.expects_restart | {LOST_APPEND.kind}
        return cls.expects.union(
            # Two tabs meet in a process' memory only if they happen to be served by the same one.
            cls.expects_tabs if tabs > 1 and not (cls.in_process and processes > 1) else NOTHING,
            cls.expects_processes if processes > 1 else NOTHING,
            cls.expects_cancelled if cancelled > 0 else NOTHING,
            cls.expects_restart if restart else NOTHING,
        )

    @classmethod
    def possible(cls, lab: Lab, *, tabs: int = 1, processes: int = 1, restart: bool = False) -> frozenset[str]:
        """What such a run may find beside that, with the servers of this lab."""
        del lab, tabs
        apart = cls.in_process and (processes > 1 or restart)
        return cls.may | cls.expects | cls.expects_tabs | FORGOTTEN if apart else cls.may


class Shared(Strategy):
    """One list of messages, made once, for everybody."""

    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.messages: list[Message] = []

    def history(self, session: str) -> list[Message]:
        del session
        return list(self.messages)


class PerSession(Strategy):
    """A list of messages for each session id, in the process' memory."""

    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.histories: defaultdict[str, list[Message]] = defaultdict(list)

    def history(self, session: str) -> list[Message]:
        return list(self.histories[session])
