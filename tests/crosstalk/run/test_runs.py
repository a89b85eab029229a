"""Runs in the background belong to the session that started them, and outlive the process."""

from __future__ import annotations

import json
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from rag.crosstalk import Lab, Workload
from rag.crosstalk.background.runs import Run, Runs, TooManyRuns
from rag.crosstalk.log.events import Invoke, read
from rag.crosstalk.report.export import matrix
from rag.crosstalk.report.transcript import lanes, transcripts
from rag.crosstalk.run.people import label
from tests.crosstalk.run.here import Here
from tests.servers import wait_for

SMALL = Workload(users=10, turns=2, latency="0.002", seed=3)
LONG = Workload(users=50, turns=50, think=0.2, latency="0.2", seed=3)


@pytest.fixture
def runs(lab: Lab, tmp_path: Path) -> Runs:
    def make(folder: Path) -> AbstractContextManager[Lab]:
        return nullcontext(replace(lab, folder=folder))

    return Runs(tmp_path / "runs", make, place=Here())


def ended(runs: Runs, session: str, run: Run) -> Run:
    wait_for(lambda: not run.busy, "the end of the run", seconds=30)
    found = runs.find(session, run.id)
    assert found is not None
    return found


def test_two_strategies_run_side_by_side_with_the_same_people(runs: Runs) -> None:
    run = ended(runs, "ada", runs.start("ada", ["shared-buffer", "dict-per-session"], SMALL))
    verdicts = {name: outcome.report.verdict for name, outcome in run.outcomes.items()}
    assert verdicts == {"shared-buffer": "anomalies", "dict-per-session": "isolated"}
    texts = [
        [event.text for event in read(outcome.log.read_bytes().splitlines()) if isinstance(event, Invoke)]
        for outcome in run.outcomes.values()
    ]
    assert sorted(texts[0]) == sorted(texts[1])


def test_nobody_finds_a_run_of_somebody_else(runs: Runs) -> None:
    run = ended(runs, "ada", runs.start("ada", ["dict-per-session"], SMALL))
    assert runs.find("ben", run.id) is None
    assert runs.mine("ben") == []
    runs.stop("ben", run.id)
    runs.delete("ben", run.id)
    assert [one.id for one in runs.mine("ada")] == [run.id]
    assert runs.find("ada", "../" + run.id) is None


def test_whoever_knows_the_address_may_read_a_run_but_not_one_against_somebodys_own_chat(
    runs: Runs, tmp_path: Path
) -> None:
    run = ended(runs, "ada", runs.start("ada", ["dict-per-session"], SMALL))
    for one in (runs, Runs(tmp_path / "runs", runs._make_lab, place=Here())):
        shared = one.shared(run.id)
        assert shared is not None
        assert shared.outcomes.keys() == {"dict-per-session"}
        assert one.shared("../" + run.id) is None
        assert "no such run" in one.why_not("0" * 16)
    about = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps({**about, "target": "https://chat.example"}))
    again = Runs(tmp_path / "runs", runs._make_lab, place=Here())
    assert again.shared(run.id) is None
    assert "somebody's own chat" in again.why_not(run.id)


def test_a_run_is_found_again_after_a_restart_and_deleted_with_its_files(runs: Runs, tmp_path: Path) -> None:
    run = ended(runs, "ada", runs.start("ada", ["shared-buffer"], SMALL))
    again = Runs(tmp_path / "runs", runs._make_lab)
    found = again.find("ada", run.id)
    assert found is not None
    assert found.state == "done"
    assert found.workload == SMALL
    assert found.outcomes["shared-buffer"].report == run.outcomes["shared-buffer"].report
    again.delete("ada", run.id)
    assert again.mine("ada") == []
    assert not run.folder.exists()


def test_a_stopped_run_has_a_verdict_about_what_ran(runs: Runs) -> None:
    run = runs.start("ada", ["dict-per-session"], LONG)
    wait_for(lambda: any(one.answered > 5 for one in run.progress.values()), "some turns", seconds=30)
    runs.stop("ada", run.id)
    found = ended(runs, "ada", run)
    outcome = found.outcomes["dict-per-session"]
    assert outcome.about["stopped"]
    assert outcome.report.verdict in ("isolated", "unknown")
    assert 5 < outcome.report.answered < 2500


def test_a_third_run_of_one_session_is_refused_and_somebody_elses_waits(runs: Runs) -> None:
    first = [runs.start("ada", ["dict-per-session"], LONG) for _ in range(2)]
    with pytest.raises(TooManyRuns, match="Two of your runs"):
        runs.start("ada", ["dict-per-session"], SMALL)
    waiting = runs.start("ben", ["dict-per-session"], SMALL)
    wait_for(lambda: all(run.state == "running" for run in first), "both runs", seconds=10)
    assert waiting.state == "waiting"
    for run in first:
        runs.stop("ada", run.id)
    assert ended(runs, "ben", waiting).state == "done"


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    def broken(folder: Path) -> AbstractContextManager[Lab]:
        raise OSError(f"no room in {folder.name}")

    runs = Runs(tmp_path / "runs", broken)
    run = ended(runs, "ada", runs.start("ada", ["dict-per-session"], SMALL))
    assert run.state == "failed"
    assert run.problem == "dict-per-session could not be run (OSError: see the server's log)."


def test_only_the_newest_runs_are_kept(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.crosstalk.background.runs.KEPT", 3)
    ids = [ended(runs, "ada", runs.start("ada", ["dict-per-session"], replace(SMALL, users=2))).id for _ in range(5)]
    assert {run.id for run in runs.mine("ada")} == set(ids[2:])


def test_the_log_gives_both_sides_of_a_leak(runs: Runs) -> None:
    run = ended(runs, "ada", runs.start("ada", ["shared-buffer"], SMALL))
    outcome = run.outcomes["shared-buffer"]
    user, owner, _ = outcome.report.seen[0]
    found = transcripts(outcome.log, {user, owner})
    assert set(found) == {user, owner}
    assert all(len(one.turns) == 2 and one.stored for one in found.values())
    assert found[owner].turns[0].plants[0] in found[owner].turns[0].text
    played = outcome.steps()
    assert [step[0] for step in played] == sorted(step[0] for step in played)
    assert sorted(step[1] for step in played) == sorted([*range(10)] * 2)
    met = {who for _, who, told, held in played if max(told, held) >= 0}
    assert met == {who for who, owner in enumerate(outcome.about["field"]["leaked"]) if owner >= 0} != set()
    drawn = lanes(outcome.log, [owner], most=3)
    assert len({turn.user for turn in drawn}) == 3
    assert drawn[0].user == owner
    assert all(turn.ended >= turn.at and turn.end == "ok" for turn in drawn)


def test_each_cell_of_the_matrix_has_its_sentence_however_many_leaks_there_are(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.crosstalk.checker.findings.KEPT", 10)
    monkeypatch.setattr("rag.crosstalk.background.jobs.SHOWN", 5)
    # They come one after the other, and stay while others speak: each is told what somebody else said last.
    workload = replace(SMALL, turns=3, latency="0.04", arrival="ramp:0.2")
    run = ended(runs, "ada", runs.start("ada", ["shared-buffer"], workload))
    outcome = run.outcomes["shared-buffer"]
    assert outcome.report.counts["foreign-read"] > 10
    for user, owner in matrix(outcome.report.seen).counts:
        leak = outcome.leak(user, owner)
        assert leak is not None
        assert user in leak.explanation
        assert owner in leak.explanation
    leaked = outcome.about["field"]["told"]
    answered = [(label(user), label(owner)) for user, owner in enumerate(leaked) if owner >= 0]
    assert answered
    assert {leak.surface for pair in answered if (leak := outcome.leak(*pair))} == {"answer"}


def test_two_runs_at_once_do_not_mix(runs: Runs) -> None:
    started = threading.Barrier(2)
    found: dict[str, Run] = {}

    def go(session: str, strategy: str) -> None:
        started.wait()
        found[session] = ended(runs, session, runs.start(session, [strategy], SMALL))

    threads = [threading.Thread(target=go, args=args) for args in (("ada", "shared-buffer"), ("ben", "redis-turn"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found["ada"].outcomes["shared-buffer"].report.verdict == "anomalies"
    assert found["ben"].outcomes["redis-turn"].report.verdict == "isolated"
