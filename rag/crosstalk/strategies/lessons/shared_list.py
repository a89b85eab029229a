"""One list for everybody, in four ways: stored early, stored late, stored at once, and copied."""

from __future__ import annotations

from rag.crosstalk.checker import anomalies as kind
from rag.crosstalk.checker.anomalies import kinds
from rag.crosstalk.strategies.base import WRONG, Asked, Fact, Message, Shared, Steps, any_of, pair, question

LEAK = kinds(kind.FOREIGN_READ, kind.FOREIGN_WRITE, kind.KEY_COLLISION)


class Lesson(Shared):
    lesson_only = True
    fix = "Keep a separate history for each session."
    expects = LEAK


class SharedQuestionFirst(Lesson):
    name = "lesson-shared"
    place = 1
    lesson = "One buffer for everyone; the question is stored before the model is asked."
    wrong = "Whoever loads second finds the other's question."
    facts = (
        Fact(
            "shared memory, question stored before the model is asked",
            70,
            {any_of(kind.FOREIGN_READ): 70, any_of(kind.INTERLEAVED_TURNS): 68},
        ),
    )

    def turn(self, asked: Asked) -> Steps:
        yield "save question"
        self.messages.append(question(asked))
        yield "load"
        history = list(self.messages)
        yield "ask"
        answer = asked.ask(history)
        yield "save answer"
        self.messages.append(Message("assistant", answer))
        return answer


class SharedQuestionLast(Lesson):
    name = "lesson-shared-late"
    place = 2
    lesson = "One buffer for everyone; question and answer are stored after the model has answered."
    wrong = "It leaks whenever one user loads after the other has stored; with one turn each, few schedules do that."
    facts = (Fact("shared memory, load → ask → save question → save answer", 70, {any_of(kind.FOREIGN_READ): 10}),)

    def turn(self, asked: Asked) -> Steps:
        yield "load"
        history = list(self.messages)
        yield "ask"
        answer = asked.ask([*history, question(asked)])
        yield "save question"
        self.messages.append(question(asked))
        yield "save answer"
        self.messages.append(Message("assistant", answer))
        return answer


class SharedPair(Lesson):
    name = "lesson-shared-pair"
    place = 3
    lesson = "One buffer for everyone; each turn is stored in one write."
    wrong = "Nothing is torn, and everybody reads everybody's turns."
    facts = (Fact("shared memory, pair saved at once, two turns each", 70, {any_of(kind.FOREIGN_READ): 70}, turns=2),)

    def turn(self, asked: Asked) -> Steps:
        yield "load and ask"
        answer = asked.ask([*self.messages, question(asked)])
        yield "save turn"
        self.messages.extend(pair(asked, answer))
        return answer


class Deepcopy(Lesson):
    name = "lesson-deepcopy"
    place = 4
    lesson = "Each turn works on a copy of the one buffer and writes the copy back."
    wrong = "Two overlapping turns copy the same buffer, and the second write wipes out what the first one stored."
    fix = "Keep a separate history for each session, and run one turn of it at a time."
    expects = LEAK | {kind.LOST_UPDATE.kind}
    facts = (
        Fact(
            "deepcopy of the shared memory, written back",
            20,
            {any_of(kind.FOREIGN_READ): 2, any_of(kind.LOST_UPDATE): 18, WRONG: 20},
        ),
    )

    def turn(self, asked: Asked) -> Steps:
        yield "load a copy"
        copy = list(self.messages)  # the bug
        yield "ask"
        answer = asked.ask([*copy, question(asked)])
        copy.extend(pair(asked, answer))
        yield "save the copy"
        self.messages = copy  # the bug
        return answer
