"""The lines that the page shows run as they stand: the wrong ones go wrong as they say, the right ones do not."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import redis
from langchain_core.messages import AIMessage, BaseMessage

from rag.crosstalk.beliefs import BELIEFS
from rag.crosstalk.strategies import find
from rag.errors import BadSessionId
from rag.resources import BELIEFS as FOLDER
from tests.servers import Server

MINE, THEIRS, LATER = "I live at 12 Elm Street.", "I live at 9 Mill Road.", "Where do I live?"


class Parrot:
    """A model that says all that is in its prompt. meanwhile: what happens while it thinks."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.meanwhile = meanwhile

    def invoke(self, messages: list[BaseMessage]) -> AIMessage:
        self.meanwhile()
        return AIMessage(" | ".join(message.text for message in messages))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with Server() as server:
        yield server.url


@pytest.fixture
def started(url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Runs a file as a new process does, over the same Redis."""
    monkeypatch.setenv("REDIS_URL", url)
    with redis.Redis.from_url(url) as client:
        client.flushdb()

    def run(name: str) -> Any:
        module = ModuleType(name)
        exec(compile((FOLDER / f"{name}.py").read_text(), name, "exec"), module.__dict__)
        return module

    return run


def test_each_file_is_shown_and_stands_for_a_strategy() -> None:
    shown = [code for belief in BELIEFS.values() for code in (belief.wrong, belief.right)]
    assert {f"{code.file}.py" for code in shown} == {path.name for path in FOLDER.iterdir() if path.is_file()}
    for code in shown:
        assert find(code.strategy)
        lines = code.text.splitlines()
        assert max(map(len, lines)) <= 60  # two of them stand side by side
        assert len([line for line in lines if line.startswith(" ")]) <= 10
        assert ("# the bug" in code.text) == (code in [belief.wrong for belief in BELIEFS.values()])


@pytest.mark.parametrize("name", ["one_memory", "default_id", "process_dict", "locked_in_process"])
def test_one_memory_or_one_id_for_all_shows_one_what_another_said(name: str, started: Callable[[str], Any]) -> None:
    chat = started(name)
    chat.answer(Parrot(), "alice", MINE)
    assert (MINE in chat.answer(Parrot(), "bob", LATER)) == (name in ("one_memory", "default_id"))
    assert MINE in chat.answer(Parrot(), "alice", LATER)
    assert MINE not in started(name).answer(Parrot(), "alice", LATER)  # nor does another process know it


@pytest.mark.parametrize("name", ["whole_turn", "id_required"])
def test_the_right_lines_keep_people_apart_and_outlive_their_process(name: str, started: Callable[[str], Any]) -> None:
    chat = started(name)
    chat.answer(Parrot(), "alice", MINE)
    assert MINE not in chat.answer(Parrot(), "bob", LATER)
    assert MINE in started(name).answer(Parrot(), "alice", LATER)
    with pytest.raises(BadSessionId):
        chat.answer(Parrot(), "", MINE)


def test_a_turn_that_is_loaded_and_saved_whole_wipes_out_another_tab_s(started: Callable[[str], Any]) -> None:
    chat = started("load_append_save")
    chat.answer(Parrot(lambda: chat.answer(Parrot(), "alice", THEIRS)), "alice", MINE)
    said = chat.answer(Parrot(), "alice", LATER)
    assert MINE in said
    assert THEIRS not in said


def test_what_is_pushed_apart_is_torn_by_another_tab(started: Callable[[str], Any], url: str) -> None:
    chat, between = started("pushed_apart"), iter([lambda: chat.answer(Parrot(), "alice", THEIRS)])

    class Watched(redis.Redis):
        def rpush(self, *given: Any) -> Any:
            pushed = super().rpush(*given)
            next(between, lambda: None)()
            return pushed

    with Watched.from_url(url) as chat.redis:
        chat.answer(Parrot(), "alice", MINE)
        kinds = [json.loads(one)["type"] for one in chat.redis.lrange("alice", 0, -1)]
    assert kinds == ["human", "human", "ai", "ai"]


def test_a_second_tab_waits_for_the_whole_turn_of_the_first(started: Callable[[str], Any]) -> None:
    chat = started("whole_turn")
    asked, go, answered = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        assert go.wait(30)

    first = threading.Thread(target=chat.answer, args=(Parrot(hold), "alice", MINE))
    second = threading.Thread(target=chat.answer, args=(Parrot(answered.set), "alice", THEIRS))
    first.start()
    assert asked.wait(30)
    second.start()
    assert not answered.wait(0.3)  # its model has nothing to do yet
    go.set()
    first.join(30)
    second.join(30)
    kept = [message.text for message in chat.store.messages("alice")]
    assert kept == [MINE, MINE, THEIRS, f"{MINE} | {MINE} | {THEIRS}"]
