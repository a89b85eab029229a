"""Every memory of the gallery as a service has it: with its own Redis server, its own files, its own mistakes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rag.crosstalk import STRATEGIES, Lab
from rag.crosstalk.checker.anomalies import LEAKS
from rag.crosstalk.log.events import Message
from rag.crosstalk.strategies import Asked, make
from tests.crosstalk.instrument.cases import Case, Verdict

GIVEN_UP = 3
"""One turn in so many is cancelled while it waits for its history, and asked again, where the bug needs that."""


class OfStrategy:
    """A memory with a model that repeats what it is shown. key: what the service makes of a session's id."""

    def __init__(self, name: str, key: Callable[[str], str] = str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="instrument-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self._lab = Lab(folder, "instrument:", state_dir=folder / "state")
        self._strategy = make(name, self._lab)
        self._key, self._count = key, iter(range(10**9))
        self._stops = STRATEGIES[name].cancels > 0

    def __call__(self, session: str, text: str) -> str:
        session, number = self._key(session), next(self._count)
        if self._stops and number % GIVEN_UP == 0:
            self._turn(session, text, steps=2)  # the command is sent, its reply not read
        return self._turn(session, text)

    def _turn(self, session: str, text: str, steps: int | None = None) -> str:
        """steps: after so many it is cancelled."""
        turn = self._strategy.turn(Asked(next(self._count), session, session, text, _model, lambda documents: None))
        try:
            while steps is None or steps > 0:
                next(turn)
                steps = None if steps is None else steps - 1
        except StopIteration as end:
            return str(end.value)
        turn.close()
        return ""

    def close(self) -> None:
        self._strategy.close()
        self._lab.close()
        self._folder.cleanup()


def _model(messages: Sequence[Message]) -> str:
    time.sleep(0.004)
    return "You told me: " + " | ".join(message.text for message in messages if message.role != "assistant")


def _case(name: str, what: str = "", key: Callable[[str], str] = str, source: str = "") -> Case:
    """Of the memory as it is; or, where `what` is told, of a service that makes ids equal."""
    kind = STRATEGIES[name]
    wrong = bool(what or (kind.expects | kind.expects_cancelled) & LEAKS)
    may: frozenset[Verdict] = frozenset({"isolated"} if kind.keeps else {"unknown"})
    told = f"{name} of the gallery{what and ', '}{what}"
    source = source or (kind.seen[0] if wrong else "right")
    return Case(told, source, partial(OfStrategy, name, key), LEAKS if wrong else frozenset(), may)


STRATEGY_CASES = (
    *map(_case, STRATEGIES),
    _case("redis-list", "one id for all", lambda name: "all", "langchain-ai/streamlit-agent basic_memory.py"),
    _case("community-redis", "ids in small letters", str.lower, "langchain-redis 0.2.6"),
    _case("redis-get-set", "ids without separators' ends", lambda name: name.rpartition("-")[0], "redisvl 0.28"),
    _case("redis-turn", "a hash with few values", lambda name: str(sum(map(ord, name)) % 7), "key aliasing"),
    _case("sql", "ids cut to a width", lambda name: name[:13], "moorcheh-ai/memanto#1317"),
    _case("sqlite", "ids in small letters", str.lower, "a column that compares without case"),
)
