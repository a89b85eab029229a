"""What is tried at the end of a run, for how long, and what a report says of what could not be read."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from rag.crosstalk.checker.check import Report
from rag.crosstalk.checker.findings import Controls, Verdict
from rag.crosstalk.log.events import Document, Message
from rag.crosstalk.run import ending, liveness
from rag.crosstalk.run.ending import Lost, clean_up, read_all
from rag.crosstalk.run.hosts import Served
from rag.crosstalk.run.liveness import Liveness, patiently
from rag.crosstalk.run.processes import ProcessGone
from rag.crosstalk.run.workload import Planned
from rag.errors import CrosswireError
from tests.servers import wait_for

SESSIONS = [f"s{number}" for number in range(10)]
RUNNING = threading.Event()


class Host:
    """Refuses these sessions, with that; or does not come back."""

    def __init__(self, refused: Sequence[str] = (), problem: Exception | None = None, hangs: str = "") -> None:
        self.refused, self.problem, self.hangs = refused, problem or OSError("nobody there\nat all"), hangs
        self.asked: list[str] = []

    def process(self, turn: Planned) -> int:
        raise NotImplementedError

    def serve(self, turn: Planned, passages: Sequence[Document]) -> Served:
        raise NotImplementedError

    def history(self, session: str) -> Sequence[Message]:
        self.asked.append(session)
        if session == self.hangs:
            threading.Event().wait(30)
        if session in self.refused:
            raise self.problem
        return [Message("user", session)]

    def restart(self) -> None:
        raise NotImplementedError

    def forget(self, sessions: Sequence[str]) -> None:
        for session in sessions:
            self.history(session)

    def close(self) -> None:
        raise NotImplementedError


def lost(read: int, *, serving: bool = True) -> Lost:
    return Lost(serving, 41, 120, read, 40, "The server is gone.")


def report(verdict: Verdict) -> Report:
    return Report(verdict, "What it says.", "white", 120, 40, {}, (), None, Controls(1, 1, 0))


# --- reading


def test_a_session_that_cannot_be_read_does_not_keep_the_others_from_it() -> None:
    written: dict[str, Sequence[Message]] = {}
    read = read_all(Host(["s3", "s4"]), SESSIONS, written.__setitem__, RUNNING)
    assert (read.count, read.problem) == (8, "OSError: nobody there")
    assert written.keys() == set(SESSIONS) - {"s3", "s4"}


def test_three_in_a_row_are_enough() -> None:
    host = Host(SESSIONS)
    assert read_all(host, SESSIONS, lambda *_: None, RUNNING).count == 0
    assert host.asked == SESSIONS[:3]


def test_one_is_enough_where_turns_failed_before() -> None:
    host = Host(SESSIONS)
    assert read_all(host, SESSIONS, lambda *_: None, RUNNING, doubtful=True).problem
    assert host.asked == SESSIONS[:1]


def test_a_process_that_is_gone_says_nothing_about_the_others() -> None:
    read = read_all(Host(SESSIONS[:9], ProcessGone()), SESSIONS, lambda *_: None, RUNNING)
    assert (read.count, read.problem) == (1, "The process that served it has ended.")


def test_a_read_that_does_not_come_back_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "SILENT", 0.2)
    begun = time.monotonic()
    read = read_all(Host(hangs="s5"), SESSIONS, lambda *_: None, RUNNING)
    assert read.count == 5
    assert read.problem.startswith("It has not answered for")
    assert time.monotonic() - begun < 5


def test_what_cannot_be_deleted_is_said_with_its_reason_and_what_to_do() -> None:
    assert clean_up(Host(), SESSIONS, "It stays.") == ""
    problem = CrosswireError("You may not.")
    told = clean_up(Host(["s0"], problem), SESSIONS, "It stays.")
    assert told == "What the run stored could not be deleted (You may not). It stays."
    assert clean_up(Host(["s0"]), SESSIONS, "", lost=True) == "What the run stored could not be deleted."


# --- saying it


def test_isolated_needs_every_final_state() -> None:
    judged = lost(0).judged(report("isolated"))
    assert judged.verdict == "unknown"
    assert judged.why == (
        "Nothing can be said: the memory was lost after 41 of 120 turns and could not be read at the end; "
        "nothing wrong was seen before. The server is gone."
    )
    assert lost(39).judged(report("isolated")).verdict == "unknown"


@pytest.mark.parametrize("verdict", ["anomalies", "unknown"])
def test_another_verdict_stands(verdict: Verdict) -> None:
    judged = lost(0).judged(report(verdict))
    assert judged.verdict == verdict
    assert judged.why == (
        "What it says. The memory was lost after 41 of 120 turns and could not be read at the end. The server is gone."
    )


def test_a_memory_that_is_back_at_the_end_is_judged_by_what_it_holds() -> None:
    judged = lost(40).judged(report("isolated"))
    assert judged.verdict == "isolated"
    assert "The memory was lost after 41 of 120 turns, and was back at the end." in judged.why


def test_a_part_that_was_read_is_counted() -> None:
    assert str(lost(3)).endswith("turns, and only 3 of 40 sessions could be read at the end")
    assert str(lost(3, serving=False)) == "only 3 of 40 sessions could be read at the end, after 41 of 120 turns"
    assert str(lost(0, serving=False)) == "the memory could not be read at the end, after 41 of 120 turns"


# --- noticing it


class Memory:
    """Counts its reads; refuses them with a problem, or hangs."""

    def __init__(self) -> None:
        self.problem: Exception | None = None
        self.hangs = False
        self.reads = self.answered = self.failed = 0

    def read(self) -> None:
        self.reads += 1
        if self.hangs:
            threading.Event().wait(30)
        if self.problem:
            raise self.problem

    def alive(self) -> Liveness:
        return Liveness(self.read, lambda: (self.answered, self.failed))


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    for name, seconds in (("LOST", 0.2), ("QUIET", 0.3), ("SILENT", 0.3)):
        monkeypatch.setattr(liveness, name, seconds)
    return Memory()


def looked(alive: Liveness, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if alive.lost():
            return True
        time.sleep(0.01)
    return False


def test_it_is_not_asked_while_turns_are_answered(memory: Memory) -> None:
    alive = memory.alive()
    for _ in range(50):
        memory.answered += 1
        memory.failed += 1
        assert not alive.lost()
        time.sleep(0.01)
    assert memory.reads == 0
    assert not alive.doubtful


def test_turns_that_fail_for_another_reason_go_on(memory: Memory) -> None:
    alive = memory.alive()
    memory.failed = 1
    assert not looked(alive, 0.6)
    assert memory.reads > 0


def test_one_that_is_back_in_time_is_not_lost(memory: Memory) -> None:
    alive = memory.alive()
    memory.failed, memory.problem = 1, OSError("restarting")
    assert not looked(alive, 0.1)
    assert alive.doubtful
    memory.problem = None
    assert not looked(alive, 0.6)


def test_one_that_stays_away_is_lost_with_its_reason(memory: Memory) -> None:
    alive = memory.alive()
    memory.failed, memory.problem = 1, OSError("nobody there\nat all")
    assert looked(alive, 5)
    assert alive.problem == "OSError: nobody there"
    assert alive.doubtful


def test_one_that_says_nothing_is_lost_too(memory: Memory) -> None:
    """No turn has failed: each still waits."""
    alive = memory.alive()
    memory.hangs = True
    assert looked(alive, 5)
    assert alive.problem.startswith("It has not answered for")


def test_a_slow_model_is_waited_for(memory: Memory) -> None:
    assert not looked(memory.alive(), 1.0)
    assert 1 <= memory.reads <= 5


def test_patience_lasts_as_long_as_something_moves() -> None:
    moved = [0]

    def steps() -> None:
        for _ in range(6):
            time.sleep(0.1)
            moved[0] += 1

    assert patiently(steps, 0.4, lambda: moved[0]) == ""
    assert patiently(steps, 0.3) == "It has not answered for 0 s."
    wait_for(lambda: moved[0] == 12, "the one that was left alone")
