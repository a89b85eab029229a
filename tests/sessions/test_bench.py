"""What is measured: every setting that was asked for, and as many turns as are counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from time import sleep

import pytest
from langchain_core.chat_history import InMemoryChatMessageHistory

from rag.sessions import bench


class Party:
    """Takes its time for each turn, and counts."""

    def __init__(self, name: str, seconds: float) -> None:
        self.name = name
        self.seconds = seconds
        self.sessions: dict[str, int] = {}
        self.turns: Counter[str] = Counter()
        self.filled = 0

    def fill(self, session_id: str, pairs: int) -> None:
        self.sessions[session_id] = 2 * pairs
        self.filled += 1

    def turn(self, session_id: str) -> int:
        sleep(self.seconds)
        self.turns[session_id] += 1
        return self.sessions[session_id]

    def delete(self, session_id: str) -> None:
        del self.sessions[session_id]

    def contender(self) -> bench.Contender:
        return bench.Contender(self.name, self.fill, self.turn, self.delete)


def test_every_setting_is_in_the_full_table() -> None:
    assert sorted(bench.SETTINGS) == [(threads, messages) for threads in (1, 100) for messages in (0, 40, 1000)]


@pytest.mark.parametrize(("threads", "messages", "slices"), [(1, 40, 4), (100, 1000, 2)])
def test_each_contender_takes_turns_in_its_slices(threads: int, messages: int, slices: int) -> None:
    parties = [Party("limit", 0.0), Party("slow", 0.002)]
    rows = list(bench.run([party.contender() for party in parties], [(threads, messages)], slices=4, seconds=0.001))
    assert [(row.name, row.threads, row.messages) for row in rows] == [
        (party.name, threads, messages) for party in parties
    ]
    assert rows[0].ratio == 1
    assert threads > 1 or rows[1].ratio < 1
    # One turn before the clock ran, and one within it: the slice was over by then.
    slow = parties[1]
    assert set(slow.turns.values()) == {2}
    assert slow.filled == slices * max(threads, 20 if messages < 500 else 4)
    assert slow.sessions == {}


def test_a_party_that_reads_what_is_not_there_is_not_measured() -> None:
    party = Party("forgetful", 0.0).contender()
    wrong = replace(party, turn=lambda session_id: party.turn(session_id) - 1)
    with pytest.raises(ValueError, match=r"^forgetful read 39 messages of 40: its figures would mean nothing$"):
        list(bench.run([wrong], [(1, 40)], slices=1, seconds=0.001))


def test_a_history_of_langchain_is_filled_with_pairs_or_left_empty() -> None:
    histories: dict[str, InMemoryChatMessageHistory] = {}

    def make(session_id: str) -> InMemoryChatMessageHistory:
        return histories.setdefault(session_id, InMemoryChatMessageHistory())

    party = bench.langchain("a history", make)
    for session_id, pairs in (("empty", 0), ("filled", 3)):
        party.fill(session_id, pairs)
        assert [party.turn(session_id), party.turn(session_id)] == [2 * pairs, 2 * pairs + 2]
        party.delete(session_id)
        assert histories[session_id].messages == []
