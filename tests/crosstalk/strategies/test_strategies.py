"""Every bug shows with the kinds that it is listed with, every time; what is right stays right wherever it says so."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from rag.crosstalk import STRATEGIES, Lab, Progress
from rag.crosstalk.log.events import Document, Message
from rag.crosstalk.strategies import Asked, Strategy, UnknownStrategy, Wait, find, guilty_lines, make, source
from tests import PROJECT
from tests.crosstalk.strategies.judging import judge

NAMES = list(STRATEGIES)
SCENES: dict[str, dict[str, Any]] = {
    "users": {},
    "tabs": {"tabs": 2},
    "cancelled": {"cancelled": 0.2},
    "restart": {"restart": True},
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scene", SCENES)
def test_a_strategy_shows_what_it_is_listed_with(name: str, scene: str, lab: Lab) -> None:
    # A hundred users and all 20 seeds, with 4 processes and tabs: python -m tests.crosstalk.strategies.prove
    # Of twenty people one alone goes away where it matters, and where that is late in the run nobody meets it.
    users = 100 if find(name).cancels else 20
    judge(name, lab, 1, users=users, **SCENES[scene])


@pytest.mark.parametrize("name", ["redis-turn", "sqlite"])
def test_what_is_right_is_right_in_several_processes(name: str, lab: Lab) -> None:
    judge(name, lab, seed=3, users=60, tabs=2, processes=2)


def test_what_lives_in_a_process_is_forgotten_by_the_next(lab: Lab) -> None:
    """And that is told while it runs."""
    moments: list[Progress] = []
    found = judge("dict-with-lock", lab, seed=4, users=30, processes=2, progress=moments.append)
    told = [moment.lost for moment in moments if moment.lost is not None]
    assert told == sorted(told)
    assert told[-1] > 0
    assert found.get("lost-update", 0) + found.get("lost-append", 0) > 0


# --- what each says of itself


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_its_story(name: str) -> None:
    kind = find(name)
    assert kind.name == name
    assert kind.lesson
    assert kind.wrong
    assert kind.fix
    assert kind.lesson.endswith(".")
    right = not kind.expected(tabs=2, processes=2, cancelled=0.1, restart=True)
    marked = guilty_lines(name)
    lines = source(name).splitlines()
    assert all(lines[n - 1].endswith("# the bug") for n in marked)
    if right:
        assert not marked
    elif kind.expected() or ".stored." in kind.__module__:  # of the others it is only that they end with their process
        assert marked
        assert kind.seen
    assert ast.parse(source(name)).body


def test_the_readme_counts_those_of_the_gallery() -> None:
    assert f"any of {len(NAMES)} memory strategies" in " ".join((PROJECT / "README.md").read_text().split())
    assert NAMES[0] == "shared-buffer"


def test_an_unknown_name_is_answered_with_the_known_ones(lab: Lab) -> None:
    with pytest.raises(UnknownStrategy, match="redis-turn"):
        make("nothing", lab)


# --- driven step by step


TEXTS = {1: "My parrot speaks Dutch.", 2: "How heavy is the tent for two?"}


def steps(strategy: Strategy, session: str, op: int) -> tuple[list[str], str]:
    """Drive one turn through: its labels, and what was asked of the model."""
    prompts: list[Sequence[Message]] = []

    def ask(messages: Sequence[Message]) -> str:
        prompts.append(messages)
        return f"answer {op}"

    def retrieved(documents: Sequence[Document]) -> None:
        assert documents

    labels = list(strategy.turn(Asked(op, "Ada", session, TEXTS[op], ask, retrieved)))
    return labels, " | ".join(message.text for prompt in prompts for message in prompt)


@pytest.mark.parametrize("name", NAMES)
def test_labels_name_their_phase_and_are_the_same_each_time(name: str, lab: Lab) -> None:
    told = []
    for again in "ab":
        strategy = make(name, lab.under(f"steps-{again}:"))
        session = f"sim-steps-{name}-{again}"
        told.append([steps(strategy, session, op)[0] for op in (1, 2)])
        assert {str(label).partition(" ")[0].rstrip(":") for label in itertools.chain(*told[-1])} <= {
            *("wait", "load", "retrieve", "ask", "save")
        }
        strategy.forget([session])
        strategy.close()
    assert told[0] == told[1]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "stateless"])
def test_a_user_alone_is_remembered_by_each(name: str, lab: Lab) -> None:
    strategy = make(name, lab.under("alone:"))
    session = f"sim-alone-{name}"
    steps(strategy, session, 1)
    _, prompt = steps(strategy, session, 2)
    assert prompt.endswith(f"{TEXTS[1]} | answer 1 | {TEXTS[2]}")
    assert [message.text for message in strategy.history(session)] == [TEXTS[1], "answer 1", TEXTS[2], "answer 2"]
    strategy.forget([session])
    strategy.close()


@pytest.mark.parametrize("name", ["dict-with-lock", "redis-turn"])
def test_a_held_session_says_that_a_step_would_block(name: str, lab: Lab) -> None:
    strategy = make(name, lab.under("held:"))
    session = f"sim-held-{name}"

    def begin(op: int) -> tuple[object, Wait]:
        turn = strategy.turn(Asked(op, "Ada", session, "hello", lambda _: "hi", lambda _: None))
        label = next(turn)
        assert isinstance(label, Wait)
        return turn, label

    first, wait = begin(1)
    assert wait.ready()
    next(first)  # type: ignore[call-overload]
    second, wait = begin(2)
    assert not wait.ready()
    first.close()  # type: ignore[attr-defined]
    assert wait.ready()
    second.close()  # type: ignore[attr-defined]
    assert strategy.history(session) == []
    strategy.close()


@pytest.mark.parametrize("name", ["redis-turn", "sqlite", "dict-with-lock", "sql"])
def test_a_turn_that_is_closed_at_any_step_stores_nothing(name: str, lab: Lab) -> None:
    strategy = make(name, lab.under("closed:"))
    session = f"sim-closed-{name}"
    labels, _ = steps(strategy, session, 1)
    before = strategy.history(session)
    for at in range(1, len(labels) + 1):
        turn = strategy.turn(Asked(9, "Ada", session, "hello", lambda _: "hi", lambda _: None))
        for _ in range(at):
            next(turn)
        turn.close()
        assert strategy.history(session) == before
    strategy.forget([session])
    strategy.close()
