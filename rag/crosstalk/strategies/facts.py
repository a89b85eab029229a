"""The small memories of the race lab: each is one idea in a few lines, so that its steps can be counted by hand.

They are no part of the gallery. A dict of lists stands for Redis: each of its operations is one step, as a command is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from rag.crosstalk.strategies.base import Asked, Lab, Message, Steps, Strategy, Wait, pair, question

LEAK = frozenset({"foreign-read", "foreign-write", "key-collision"})


class Overtaken(Exception):
    """Somebody else stored a turn since the history was read. Nothing was stored."""


class Shared(Strategy):
    """One list, made once, for everybody."""

    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.buffer: list[Message] = []

    def history(self, session: str) -> list[Message]:
        del session
        return list(self.buffer)


class SharedQuestionFirst(Shared):
    name = "lesson-shared"
    lesson = "One buffer for all; the question is stored before the model is asked."
    wrong = "Whoever loads second finds the first one's question."
    fix = "A history for each session."
    expects = LEAK

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.buffer.append(question(asked))
        yield "load"
        history = list(self.buffer)
        yield "ask"
        answer = asked.ask(history)
        yield "save answer"
        self.buffer.append(Message("assistant", answer))
        return answer


class SharedQuestionLast(Shared):
    name = "lesson-shared-late"
    lesson = "One buffer for all; question and answer are stored after the model has answered."
    wrong = "It leaks whenever one loads after the other has stored, which few schedules of one turn each do."
    fix = "A history for each session."
    expects = LEAK

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.buffer)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.buffer.append(question(asked))
        yield "save answer"
        self.buffer.append(Message("assistant", answer))
        return answer


class SharedPair(Shared):
    name = "lesson-shared-pair"
    lesson = "One buffer for all; a turn is stored at once."
    wrong = "Nothing is torn, and everybody reads everybody's turns."
    fix = "A history for each session."
    expects = LEAK

    def turn(self, asked: Asked) -> Steps:
        yield "load and ask"
        answer = asked.ask([*self.buffer, question(asked)])
        yield "save turn"
        self.buffer.extend(pair(asked, answer))
        return answer


class Deepcopy(Shared):
    name = "lesson-deepcopy"
    lesson = "Each turn works on a copy of the one buffer, and writes the copy back."
    wrong = "Two turns that overlap copy the same buffer, and the second one to write wipes out what the first stored."
    fix = "A history for each session, and one turn of it at a time."
    expects = LEAK | {"lost-update"}

    def turn(self, asked: Asked) -> Steps:
        yield "load a copy"
        copy = list(self.buffer)  # the bug
        yield "ask"
        answer = asked.ask([*copy, question(asked)])
        copy.extend(pair(asked, answer))
        yield "save the copy"
        self.buffer = copy  # the bug
        return answer


class Keyed(Strategy):
    """A list for each session."""

    in_process = True

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.lists: defaultdict[str, list[Message]] = defaultdict(list)

    def history(self, session: str) -> list[Message]:
        return list(self.lists[session])


class DeepcopyOfSession(Keyed):
    name = "lesson-deepcopy-session"
    lesson = "A history for each session, read, changed and written back as a whole."
    wrong = "Two tabs read the same history, and the second one to write wipes out the first one's turn."
    fix = "Append, and hold the session for the length of a turn."
    expects_tabs = frozenset({"lost-update"})

    def turn(self, asked: Asked) -> Steps:
        yield "load a copy"
        copy = list(self.lists[asked.session])
        yield "ask"
        answer = asked.ask([*copy, question(asked)])
        copy.extend(pair(asked, answer))
        yield "save the copy"
        self.lists[asked.session] = copy  # the bug
        return answer


class ListApart(Keyed):
    name = "lesson-list"
    lesson = "A list for each session. Question and answer are pushed one by one, after the model has answered."
    wrong = "Another tab's messages come between question and answer, and its turn is read half done or not at all."
    fix = "Push the pair at once, and hold the session for the length of a turn."
    expects_tabs = frozenset({"interleaved-turns", "mid-turn-read", "stale-prompt"})

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.lists[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.lists[asked.session].append(question(asked))  # the bug
        yield "save answer"
        self.lists[asked.session].append(Message("assistant", answer))  # the bug
        return answer


class ListQuestionFirst(Keyed):
    name = "lesson-list-question-first"
    lesson = "A list for each session. The question is pushed before the model is asked, the answer after it."
    wrong = "Another tab's messages come between question and answer, in the store and before the model."
    fix = "Push the pair at once, and hold the session for the length of a turn."
    expects_tabs = frozenset({"interleaved-turns", "mid-turn-read"})

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.lists[asked.session].append(question(asked))  # the bug
        yield "load"
        history = list(self.lists[asked.session])
        yield "ask"
        answer = asked.ask(history)
        yield "save answer"
        self.lists[asked.session].append(Message("assistant", answer))  # the bug
        return answer


class ListPair(Keyed):
    name = "lesson-list-pair"
    lesson = "A list for each session, and one push for the pair."
    wrong = "No turn is torn or lost. Two tabs still answer without each other: the push does not know of the read."
    fix = "Hold the session for the length of a turn, or push only if it has not changed since it was read."
    expects_tabs = frozenset({"stale-prompt"})

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.lists[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.lists[asked.session].extend(pair(asked, answer))  # the bug
        return answer


class ListChecked(Keyed):
    name = "lesson-list-checked"
    lesson = "A list for each session; the pair is pushed only if the list is as it was read, else the turn is refused."
    wrong = "Right. A turn that another tab overtook is told so, and has to be sent again."
    fix = "None needed."

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.lists[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        if len(self.lists[asked.session]) != len(history):
            raise Overtaken("another tab was first: send it again")
        self.lists[asked.session].extend(pair(asked, answer))
        return answer


class TurnLock(Keyed):
    name = "lesson-turn-lock"
    lesson = "A lock for each session, held from the read to the write."
    wrong = "Right. A second tab waits for the first one."
    fix = "None needed."

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.held: set[str] = set()

    def turn(self, asked: Asked) -> Steps:
        yield Wait("wait for the session, load", lambda: asked.session not in self.held)
        self.held.add(asked.session)
        try:
            history = list(self.lists[asked.session])
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn, unlock"
            self.lists[asked.session].extend(pair(asked, answer))
        finally:
            self.held.discard(asked.session)
        return answer


_ALL: tuple[type[Strategy], ...] = (
    SharedQuestionFirst,
    SharedQuestionLast,
    SharedPair,
    Deepcopy,
    DeepcopyOfSession,
    ListApart,
    ListQuestionFirst,
    ListPair,
    ListChecked,
    TurnLock,
)
FACTS: dict[str, type[Strategy]] = {kind.name: kind for kind in _ALL}


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the facts table. seen: in how many interleavings any anomaly of these kinds (joined by +) is seen;
    `wrong`: any at all. note: what the table says otherwise, and why."""

    what: str
    strategy: str
    tabs: bool
    turns: int
    interleavings: int
    seen: Mapping[str, int]
    note: str = ""


NOTHING = {"wrong": 0}
TABLE = (
    Fact(
        "shared memory, question stored before the model is asked",
        "lesson-shared",
        False,
        1,
        70,
        {"foreign-read": 70, "interleaved-turns": 68},
    ),
    Fact(
        "shared memory, load → ask → save question → save answer",
        "lesson-shared-late",
        False,
        1,
        70,
        {"foreign-read": 10},
    ),
    Fact("shared memory, pair saved at once, two turns each", "lesson-shared-pair", False, 2, 70, {"foreign-read": 70}),
    Fact(
        "deepcopy of the shared memory, written back",
        "lesson-deepcopy",
        False,
        1,
        20,
        {"foreign-read": 2, "lost-update": 18, "wrong": 20},
    ),
    Fact(
        "deepcopy load and save, one session in two tabs", "lesson-deepcopy-session", True, 1, 20, {"lost-update": 18}
    ),
    Fact(
        "Redis list, question and answer pushed apart, two tabs",
        "lesson-list",
        True,
        1,
        70,
        {"wrong": 68, "stale-prompt": 60, "torn-turn+interleaved-turns": 40, "mid-turn-read": 8},
        "68 go wrong and 60 are stale, as the table says; 44 of them are torn, 40 in the store and 8 before the model.",
    ),
    Fact(
        "the same, question pushed before the model is asked",
        "lesson-list-question-first",
        True,
        1,
        70,
        {"torn-turn+interleaved-turns": 68, "mid-turn-read": 64, "stale-prompt": 0},
        "Here 68 are interleaved; in 60 neither prompt has the other's whole turn, but each time one has its question.",
    ),
    Fact(
        "Redis list, one atomic push of the pair, two tabs",
        "lesson-list-pair",
        True,
        1,
        20,
        {"stale-prompt": 18, "wrong": 18, "lost-update+lost-append+torn-turn+interleaved-turns": 0},
    ),
    Fact("version-checked append of the pair, two tabs", "lesson-list-checked", True, 1, 20, NOTHING),
    Fact("Redis list, one key a session, two users", "lesson-list", False, 1, 70, NOTHING),
)
