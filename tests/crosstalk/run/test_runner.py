"""A run: bounded, stopped at once, logged whole, cleaned up, and served by threads, processes, models and targets."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from rag.crosstalk import BadWorkload, Lab, Progress, RunResult, Workload, simulate
from rag.crosstalk.log.events import Control, Message, read
from rag.crosstalk.log.writer import LogWriter
from rag.crosstalk.run.hosts import Served, Target
from rag.crosstalk.run.model import mirror
from rag.crosstalk.run.processes import ProcessHost
from rag.crosstalk.run.workload import Planned, plan
from rag.crosstalk.strategies import UnknownStrategy
from rag.errors import CrosswireError
from tests.servers import wait_for

SMALL = Workload(users=20, turns=3, latency="0.002")


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def of(events: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_the_log_tells_the_whole_run(lab: Lab, tmp_path: Path) -> None:
    result = simulate("dict-per-session", SMALL, lab=lab, log=tmp_path / "log")
    events = records(tmp_path / "log")
    counts = Counter(event["event"] for event in events)
    assert counts == {"control": 3, "invoke": 60, "prompt": 60, "ok": 60, "history": 20}
    assert (result.figures.turns, result.figures.answered, result.histories) == (60, 60, 20)
    seen = set()
    for event in events:
        if event["event"] == "invoke":
            seen.add(event["op"])
        assert event["event"] in ("control", "history") or event["op"] in seen
    assert all(set(event["phases"]) == {"load", "ask", "save"} for event in of(events, "ok"))
    assert [len(event["messages"]) for event in of(events, "history")] == [6] * 20


def test_a_run_without_a_log_leaves_nothing_behind(lab: Lab) -> None:
    assert simulate("sqlite", SMALL, lab=lab).log is None
    assert list(lab.folder.iterdir()) == []


def test_few_threads_play_many_users(lab: Lab) -> None:
    before = threading.active_count()
    most = []
    workload = Workload(users=300, turns=2, latency="0.002", in_flight=8)
    figures = simulate(
        "dict-per-session", workload, lab=lab, progress=lambda _: most.append(threading.active_count())
    ).figures
    assert figures.answered == 600
    assert 2 <= figures.peak_in_flight <= 8
    assert 1 <= figures.mean_in_flight <= figures.peak_in_flight
    assert max(most) <= before + 8 + 1  # and the checker
    assert threading.active_count() <= before


@pytest.mark.parametrize("users", [2, 3, 10, 30, 64])
@pytest.mark.parametrize("strategy", ["thread-local", "context-variable"])
def test_a_thread_serves_several_users_however_few_there_are(lab: Lab, strategy: str, users: int) -> None:
    result = simulate(strategy, Workload(users=users, latency="0.003~0.5", seed=users), lab=lab)
    assert result.report.verdict == "anomalies"
    assert result.report.counts["foreign-read"]


@pytest.mark.parametrize(("users", "most"), [(2, 2), (3, 2), (30, 20), (96, 64), (100, 64)])
def test_users_are_served_at_once_all_the_same(lab: Lab, users: int, most: int) -> None:
    # Long enough that the first turn still waits for its model when a busy machine has begun the last one.
    figures = simulate("dict-per-session", Workload(users=users, turns=2, latency="0.3"), lab=lab).figures
    assert figures.peak_in_flight == most


def test_one_in_flight_is_one_after_the_other(lab: Lab) -> None:
    result = simulate("dict-per-session", Workload(users=5, turns=2, latency="0", in_flight=1), lab=lab)
    assert result.figures.peak_in_flight == 1
    assert result.figures.mean_in_flight == pytest.approx(1)


@pytest.mark.parametrize(("strategy", "processes"), [("redis-turn", 1), ("dict-with-lock", 1), ("redis-turn", 2)])
def test_a_stopped_run_still_says_what_it_saw(lab: Lab, tmp_path: Path, strategy: str, processes: int) -> None:
    stop = threading.Event()

    def watch(moment: Progress) -> None:
        if moment.answered >= 30:
            stop.set()

    # The model takes so long that the run would not end by itself while the test waits.
    slow = Workload(users=200, turns=40, tabs=2, latency="0.2~1", processes=processes)
    result = simulate(strategy, slow, lab=lab, log=tmp_path / "log", progress=watch, stop=stop)
    ends = Counter(event["event"] for event in records(tmp_path / "log"))
    assert result.stopped
    assert 30 <= result.figures.answered < 16_000
    assert ends["invoke"] == ends["ok"] + ends["info"] + ends["fail"]
    assert ends["history"] > 0
    assert result.report.verdict in ("isolated", "unknown")


def test_a_run_that_is_stopped_before_it_starts_is_unknown(lab: Lab) -> None:
    stop = threading.Event()
    stop.set()
    result = simulate("redis-turn", SMALL, lab=lab, stop=stop)
    assert (result.report.verdict, result.figures.answered) == ("unknown", 0)


def test_progress_counts_up_to_the_end_and_marks_who_saw_whom(lab: Lab) -> None:
    moments: list[Progress] = []
    simulate("shared-buffer", Workload(users=30, turns=2, latency="0.002"), lab=lab, progress=moments.append)
    assert [moment.answered for moment in moments] == sorted(moment.answered for moment in moments)
    last = moments[-1]
    assert (last.phase, last.answered, last.in_flight) == ("checking", 60, 0)
    assert list(last.done) == [2] * 30
    leaked = {user: owner for user, owner in enumerate(last.leaked) if owner >= 0}
    assert last.leaks >= len(leaked) > 0
    assert all(user != owner for user, owner in leaked.items())


def test_a_clean_run_marks_nobody(lab: Lab) -> None:
    moments: list[Progress] = []
    simulate("redis-turn", SMALL, lab=lab, progress=moments.append)
    assert moments[-1].leaks == 0
    assert set(moments[-1].leaked) == {-1}


@pytest.mark.parametrize(
    ("strategy", "changes", "loses"),
    [
        ("dict-per-session", {"restart": True}, True),
        ("redis-get-set", {"tabs": 2}, True),
        ("redis-turn", {"tabs": 2, "processes": 2, "cancelled": 0.2, "turns": 5}, False),
        ("redis-turn", {"turns": 30, "users": 3}, False),
        ("redis-list", {"tabs": 2}, False),
    ],
)
def test_what_is_lost_is_told_while_it_runs(lab: Lab, strategy: str, changes: dict[str, Any], loses: bool) -> None:
    moments: list[Progress] = []
    result = simulate(strategy, replace(SMALL, **changes), lab=lab, progress=moments.append)
    lost = sum(result.report.counts.get(kind, 0) for kind in ("lost-update", "lost-append"))
    told = [moment.lost for moment in moments if moment.lost is not None]
    assert told == sorted(told)
    assert (told[-1] > 0) == (lost > 0) == loses


def test_a_black_box_does_not_say_live_that_nothing_is_lost() -> None:
    moments: list[Progress] = []
    simulate(Dictionary(), Workload(users=4, turns=3), progress=moments.append)
    assert {moment.lost for moment in moments} == {None}


def test_cancelled_turns_are_neither_answered_nor_stored(lab: Lab, tmp_path: Path) -> None:
    workload = Workload(users=60, turns=5, latency="0.001", cancelled=0.4)
    result = simulate("redis-turn", workload, lab=lab, log=tmp_path / "log")
    events = records(tmp_path / "log")
    given_up = {event["op"] for event in of(events, "info")}
    assert result.figures.given_up == len(given_up) > 20
    texts = {event["text"] for event in of(events, "invoke") if event["op"] in given_up}
    stored = {message["text"] for event in of(events, "history") for message in event["messages"]}
    assert stored
    assert not texts & stored
    assert result.report.verdict == "isolated"


def test_simulated_sessions_are_listed_while_they_run_and_gone_after(lab: Lab) -> None:
    listed = []

    def watch(moment: Progress) -> None:
        if moment.answered and moment.phase == "serving":
            listed.extend(lab.store.directory.find("sim-"))

    simulate("redis-turn", Workload(users=20, turns=3, latency="0.1"), lab=lab, progress=watch)
    assert listed
    assert all(found.info.id.startswith("sim-") and (found.info.ttl or 1e9) <= lab.ttl for found in listed)
    assert lab.store.directory.find("sim-") == []


REDIS = ("redis-get-set", "redis-list", "community-redis", "redis-turn", "reused-connection")


@pytest.mark.parametrize("strategy", REDIS)
def test_nothing_stays_in_redis(lab: Lab, strategy: str) -> None:
    lab.redis.ping()
    before = {key for key in lab.redis.keys("*") if not key.startswith(b"sessions:")}
    simulate(strategy, SMALL, lab=lab)
    assert {key for key in lab.redis.keys("*") if not key.startswith(b"sessions:")} <= before | {b"audit"}


def test_without_a_lab_it_makes_places_of_its_own() -> None:
    assert simulate("redis-turn", SMALL).report.verdict == "isolated"


def test_two_runs_at_once_do_not_meet(lab: Lab) -> None:
    results: list[RunResult] = []
    threads = [
        threading.Thread(target=lambda: results.append(simulate("redis-turn", SMALL, lab=lab))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.report.verdict for result in results] == ["isolated"] * 3
    assert len({result.run for result in results}) == 3


def test_any_chat_model_can_be_asked(lab: Lab, tmp_path: Path) -> None:
    make_model = partial(FakeListChatModel, responses=["Certainly."])
    for apart in (False, True):  # here, and sent to another process
        workload = Workload(users=4, turns=2, latency="0")
        result = simulate("redis-turn", workload, lab=lab, log=tmp_path / "log", model=make_model, apart=apart)
        assert {event["answer"] for event in of(records(tmp_path / "log"), "ok")} == {"Certainly."}
        assert result.report.verdict == "isolated"


@dataclass(frozen=True)
class Found:
    id: str
    text: str
    private: bool = False


def test_questions_to_the_library_are_searched_for(lab: Lab, tmp_path: Path) -> None:
    asked = []

    def search(text: str, k: int, session_id: str) -> list[Found]:
        asked.append((text, session_id))
        return [Found("returns#1", "You have 45 days."), Found("own#1", f"Notes of {session_id}", private=True)][:k]

    result = simulate(
        "redis-turn", SMALL, lab=lab, log=tmp_path / "log", search=search, questions=["How long may I return a tent?"]
    )
    events = records(tmp_path / "log")
    retrieved = of(events, "retrieved")
    assert len(retrieved) == len(asked) == 20
    assert all(text.startswith("How long may I return a tent?") for text, _ in asked)
    owners = {document["owner"] for event in retrieved for document in event["documents"]}
    assert owners == {"shared", *(session for _, session in asked)}
    prompts = {event["op"]: event["messages"] for event in of(events, "prompt")}
    assert all(prompts[event["op"]][0]["role"] == "system" for event in retrieved)
    assert result.figures.phases["retrieve"] > 0
    assert result.report.verdict == "isolated"


def test_a_prompt_holds_the_newest_turns_only(lab: Lab, tmp_path: Path) -> None:
    workload = Workload(users=2, turns=8, latency="0")
    result = simulate("redis-turn", workload, lab=lab, log=tmp_path / "log", window=3)
    assert max(len(event["messages"]) for event in of(records(tmp_path / "log"), "prompt")) == 7
    assert result.report.verdict in ("isolated", "unknown")


class Dictionary(Target):
    """A black box that remembers each session's messages and repeats them all."""

    name = "dictionary"

    def __init__(self) -> None:
        self.said: dict[str, list[str]] = {}
        self.closed = False

    def call(self, session_id: str, text: str) -> str:
        if "moved" in text:
            raise RuntimeError("out of order\nfor reasons")
        said = self.said.setdefault(session_id, [])
        said.append(text)
        return " ".join(said)

    def close(self) -> None:
        self.closed = True


def test_a_target_is_a_black_box(lab: Lab, tmp_path: Path) -> None:
    target = Dictionary()
    result = simulate(target, Workload(users=10, turns=5, latency="0"), lab=lab, log=tmp_path / "log")
    events = records(tmp_path / "log")
    assert {event["event"] for event in events} == {"control", "invoke", "ok", "info"}
    assert (result.name, result.report.box, result.histories) == ("dictionary", "black", None)
    assert result.report.verdict == "isolated"
    assert result.problems[0] == "RuntimeError: out of order"
    assert target.closed


class Late(Dictionary):
    """Its first correction is not answered in time, and takes effect after the next one. It tells the newest fact."""

    def __init__(self) -> None:
        super().__init__()
        self.late: dict[str, str] = {}

    def call(self, session_id: str, text: str) -> str:
        said = self.said.setdefault(session_id, [])
        if "moved" in text and session_id not in self.late:
            self.late[session_id] = text
            raise TimeoutError("too late")
        answer = mirror([Message("user", one) for one in (*said, text)])
        said.append(text)
        if "moved" in text:
            said.append(self.late[session_id])
        return answer


def test_what_corrects_a_turn_that_may_still_take_effect_is_not_expected(lab: Lab) -> None:
    result = simulate(Late(), Workload(users=5, turns=8, latency="0"), lab=lab)
    assert result.figures.failed == 5
    assert result.report.verdict == "isolated", result.report.anomalies[0].explanation


def test_a_target_cannot_be_multiplied_or_restarted(lab: Lab) -> None:
    for changes in ({"processes": 2}, {"restart": True}):
        with pytest.raises(BadWorkload):
            simulate(Dictionary(), Workload(**changes), lab=lab)


def test_an_unknown_strategy_is_told_which_there_are(lab: Lab) -> None:
    with pytest.raises(UnknownStrategy, match=r"shared-buffer.*stateless"):
        simulate("shared-bufer", lab=lab)


def test_a_store_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    with Lab(tmp_path, redis_url=f"unix://{tmp_path / 'nobody'}") as lab:
        with pytest.raises(CrosswireError) as caught:
            simulate("redis-list", Workload(users=2), lab=lab)
        assert "\n" not in str(caught.value)


def test_processes_that_cannot_start_say_why(tmp_path: Path) -> None:
    with Lab(tmp_path, redis_url=f"unix://{tmp_path / 'nobody'}") as lab, pytest.raises(CrosswireError) as caught:
        simulate("redis-turn", Workload(users=2, processes=2), lab=lab)
    assert "nobody" in str(caught.value)
    assert "\n" not in str(caught.value)


class Killed(threading.Thread):
    """Asks one turn of a host, and keeps what comes back."""

    def __init__(self, host: ProcessHost, turn: Planned) -> None:
        super().__init__(daemon=True)
        self.host, self.turn = host, turn
        self.served: Served | None = None

    def run(self) -> None:
        self.served = self.host.serve(self.turn, ())


def test_a_process_that_is_killed_takes_only_its_turns_along(lab: Lab, tmp_path: Path) -> None:
    planned = plan(Workload(users=2, turns=2, latency="30"), "r", 0.0)
    turn = planned.tabs[0].turns[0]
    with LogWriter(tmp_path / "log") as log:
        host = ProcessHost("redis-turn", lab, 1, 2, None, None, threading.Event(), log.write)
        try:
            asked = Killed(host, turn)
            asked.start()
            wait_for(lambda: log.events > 0, "the prompt")
            host._workers[0]._process.kill()
            asked.join(20)
            assert asked.served is not None
            assert asked.served.end == "info"
            assert host.serve(turn, ()).end == "info"
        finally:
            host.close()


def test_a_log_is_there_once_it_is_flushed_and_takes_nothing_after_its_end(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = LogWriter(file)
    log.write(Control("LK-2222-3333-44445"))
    log.flush()
    assert list(read(file.read_text().splitlines())) == [Control("LK-2222-3333-44445")]
    log.close()
    log.write(Control("LK-7777-8888-99990"))
    log.flush()
    assert list(read(file.read_text().splitlines())) == [Control("LK-2222-3333-44445")]
