"""A list for each session, from overwriting it as a whole to holding it for the length of a turn."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import (
    WRONG,
    Asked,
    Fact,
    Lab,
    Message,
    PerSession,
    Steps,
    Wait,
    any_of,
    pair,
    question,
)

NONE = {WRONG: 0}
STORED_APART = any_of(kind.TORN_TURN, kind.INTERLEAVED_TURNS)


class Overtaken(Exception):
    """Somebody else stored a turn since the history was read. Nothing was stored."""


class Lesson(PerSession):
    lesson_only = True


class DeepcopyOfSession(Lesson):
    name = "lesson-deepcopy-session"
    place = 5
    lesson = "One history per session, read, changed and written back as a whole."
    wrong = "Two tabs read the same history, and the second write wipes out the first tab's turn."
    fix = "Append, and hold the session for the whole turn."
    expects_tabs = kinds(kind.LOST_UPDATE)
    facts = (Fact("deepcopy load and save, one session in two tabs", 20, {any_of(kind.LOST_UPDATE): 18}, tabs=True),)

    def turn(self, asked: Asked) -> Steps:
        yield "load a copy"
        copy = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*copy, question(asked)])
        copy.extend(pair(asked, answer))
        yield "save the copy"
        self.histories[asked.session] = copy  # the bug
        return answer


class ListApart(Lesson):
    name = "lesson-list"
    place = 6
    lesson = "One list per session. Question and answer are pushed separately, after the model has answered."
    wrong = "Another tab's messages get between question and answer, and its turn is read half done or not at all."
    fix = "Push the pair in one write, and hold the session for the whole turn."
    expects_tabs = kinds(kind.INTERLEAVED_TURNS, kind.MID_TURN_READ, kind.STALE_PROMPT)
    facts = (
        Fact(
            "Redis list, question and answer pushed apart, two tabs",
            70,
            {WRONG: 68, any_of(kind.STALE_PROMPT): 60, STORED_APART: 40, any_of(kind.MID_TURN_READ): 8},
            tabs=True,
            note="68 go wrong and 60 are stale, as the table says; 44 of them are torn: 40 in the store and 8 in the "
            "prompt.",
        ),
        Fact("Redis list, one key a session, two users", 70, NONE),
    )

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.histories[asked.session].append(question(asked))  # the bug
        yield "save answer"
        self.histories[asked.session].append(Message("assistant", answer))  # the bug
        return answer


class ListQuestionFirst(Lesson):
    name = "lesson-list-question-first"
    place = 7
    lesson = "One list per session. The question is pushed before the model is asked, the answer after it."
    wrong = "Another tab's messages get between question and answer, both in the store and in the prompt."
    fix = "Push the pair in one write, and hold the session for the whole turn."
    expects_tabs = kinds(kind.INTERLEAVED_TURNS, kind.MID_TURN_READ)
    facts = (
        Fact(
            "Redis list, question pushed before the model is asked, two tabs",
            70,
            {STORED_APART: 68, any_of(kind.MID_TURN_READ): 64, any_of(kind.STALE_PROMPT): 0},
            tabs=True,
            note="Here 68 are interleaved; in 60 neither prompt has the other's whole turn, but one of them always has "
            "its question.",
        ),
    )

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.histories[asked.session].append(question(asked))  # the bug
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask(history)
        yield "save answer"
        self.histories[asked.session].append(Message("assistant", answer))  # the bug
        return answer


class ListPair(Lesson):
    name = "lesson-list-pair"
    place = 8
    lesson = "One list per session, and one push for the pair."
    wrong = "No turn is torn or lost, but two tabs still answer without each other: the push does not check the read."
    fix = "Hold the session for the whole turn, or push only if nothing has changed since the read."
    expects_tabs = kinds(kind.STALE_PROMPT)
    facts = (
        Fact(
            "Redis list, one atomic push of the pair, two tabs",
            20,
            {
                any_of(kind.STALE_PROMPT): 18,
                WRONG: 18,
                any_of(kind.LOST_UPDATE, kind.LOST_APPEND, kind.TORN_TURN, kind.INTERLEAVED_TURNS): 0,
            },
            tabs=True,
        ),
    )

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        self.histories[asked.session].extend(pair(asked, answer))  # the bug
        return answer


class ListChecked(Lesson):
    name = "lesson-list-checked"
    place = 9
    lesson = "One list per session; the pair is pushed only if the list is as it was read, else the turn is refused."
    wrong = "Correct. A turn that another tab overtook is told so and has to be sent again."
    fix = "None needed."
    facts = (Fact("version-checked append of the pair, two tabs", 20, NONE, tabs=True),)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.histories[asked.session])
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save turn"
        if len(self.histories[asked.session]) != len(history):
            raise Overtaken("another tab was first: send it again")
        self.histories[asked.session].extend(pair(asked, answer))
        return answer


class TurnLock(Lesson):
    name = "lesson-turn-lock"
    place = 10
    lesson = "A lock for each session, held from the read to the write."
    wrong = "Correct. A second tab waits for the first."
    fix = "None needed."

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self.held: set[str] = set()

    def turn(self, asked: Asked) -> Steps:
        yield Wait("wait for the session, load", lambda: asked.session not in self.held)
        self.held.add(asked.session)
        try:
            history = list(self.histories[asked.session])
            yield "ask"
            answer = asked.ask([*history, question(asked)])
            yield "save turn, unlock"
            self.histories[asked.session].extend(pair(asked, answer))
        finally:
            self.held.discard(asked.session)
        return answer
