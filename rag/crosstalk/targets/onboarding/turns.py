"""A few turns of two made-up people with a chat that is tried, as far as it answers."""

from __future__ import annotations

import random
import secrets
import threading
import time
from dataclasses import dataclass

from rag.crosstalk.run import people
from rag.crosstalk.run.conversation import OTHERS, QUESTIONS, RECALL, Writer
from rag.crosstalk.run.hosts import Target
from rag.crosstalk.run.liveness import said
from rag.crosstalk.targets.answers import text_at
from rag.crosstalk.targets.errors import BadTarget, TargetFailed
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.onboarding.answer_paths import likely
from rag.crosstalk.targets.reply import Reply


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn. number: of the user, 1 or 2. seconds: that the answer took. problem: why there is none, in one line."""

    number: int
    question: str
    answer: str = ""
    seconds: float = 0.0
    problem: str = ""


class Turns:
    """The turns, as far as they are answered. failed: why they ended."""

    def __init__(self, target: Target, stop: threading.Event) -> None:
        self._stop = stop
        self.target = target
        self.http = target if isinstance(target, HttpTarget) else None
        self.done: list[Exchange] = []
        self.failed: BaseException | None = None
        self.reply: Reply | None = None
        chance = random.Random(secrets.randbits(64))  # noqa: S311 - made-up people
        self.facts = people.facts(chance, chance.randrange(len(people.GIVEN)))
        states = Writer(chance, self.facts, ("name", "order", "address"), QUESTIONS, "same").write("state", False)
        self._script = [
            (1, states.text),
            (1, chance.choice(QUESTIONS)),
            (1, RECALL),
            (2, RECALL),  # in the same words, as a cache would find it
            (2, OTHERS),
        ]

    def ask(self) -> None:
        mark = secrets.token_hex(4)
        sessions = {1: f"probe-{mark}-a", 2: f"probe-{mark}-b"}
        try:
            for number, question in self._script:
                if self._stop.is_set():
                    return
                begun = time.monotonic()
                try:
                    answer = self.target.call(sessions[number], question)
                except KeyboardInterrupt:
                    raise
                except BaseException as exc:  # somebody else's code, which may call sys.exit even
                    self.failed = exc
                    reason = exc.reason if isinstance(exc, TargetFailed | BadTarget) else said(exc)
                    self.done.append(Exchange(number, question, problem=reason))
                    return
                finally:
                    self.reply = self.http.last if self.http else None
                self.done.append(Exchange(number, question, self._text(question, answer), time.monotonic() - begun))
        finally:
            self.target.forget(sessions.values())  # its first user is the run's first user, too

    @property
    def answered(self) -> bool:
        """Whether there is a text, once at least."""
        return any(one.answer.strip() for one in self.done)

    def told(self, number: int) -> list[str]:
        return [one.answer for one in self.done if one.number == number and not one.problem]

    def _text(self, question: str, answer: str) -> str:
        """Without what stands around it, where the whole body counts as the answer."""
        reply = self.http.last if self.http else None
        if reply is None or not isinstance(reply.value, dict | list) or reply.text != reply.raw:
            return answer
        found = next(iter(likely([reply.value], question)), "")
        return text_at(reply.value, [found]) or answer
