"""A memory that goes away in the middle of a run: what ran is reported, what is not known is said, nothing raised."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from rag.crosstalk import Lab, Progress, Workload, simulate
from rag.crosstalk.background.runs import Runs
from rag.crosstalk.run import ending, liveness
from tests.commands.running import caller, environment
from tests.crosstalk.run.here import Here
from tests.crosstalk.run.postgres import PASSWORD, Postgres
from tests.servers import Server, wait_for

WORKLOAD = Workload(users=40, turns=3, think=0.3, latency="0.03", seed=5)
"""Looked at every tenth of a second, it is not over when half is answered."""
Watch = Callable[[Progress], None]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is gone for good is given up sooner."""
    monkeypatch.setattr(liveness, "LOST", 0.3)
    monkeypatch.setattr(ending, "SHORT", 0.5)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture(scope="module")
def stopped_by_each() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture
def database(stopped_by_each: Postgres) -> Postgres:
    """Running; the tables of the runs before are there."""
    stopped_by_each.stop()
    return stopped_by_each.start()


def ends(log: Path) -> Counter[str]:
    return Counter(json.loads(line)["event"] for line in log.read_text().splitlines())


def once(act: Callable[[], object], when: Callable[[Progress], bool]) -> Watch:
    """Does it at the first moment of that kind."""
    done: list[Progress] = []

    def watch(moment: Progress) -> None:
        if not done and when(moment):
            done.append(moment)
            act()

    return watch


def after(answered: int, act: Callable[[], object]) -> Watch:
    return once(act, lambda moment: moment.answered >= answered)


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.usefixtures("impatient")
def test_a_database_that_is_stopped_half_way(database: Postgres, tmp_path: Path, processes: int) -> None:
    log, workload = tmp_path / "log", replace(WORKLOAD, processes=processes)
    with Lab(tmp_path, "test:", state_dir=tmp_path, sql_url=database.url) as lab:
        result = simulate("sql", workload, lab=lab, log=log, progress=after(60, database.stop))
    assert result.report.verdict == "unknown"
    answered = result.figures.answered
    assert 60 <= answered < 120
    begins = (
        f"Nothing can be said: the memory was lost after {answered} of 120 turns and could not be read at the end; "
    )
    assert result.report.why.startswith(begins + "nothing wrong was seen before. The database postgresql://tester:***@")
    assert "\n" not in result.report.why
    assert result.left.startswith(
        "What the run stored could not be deleted. Its table stays in the database until you "
    )
    assert result.left.endswith(f"DROP TABLE crosswire_test_{result.run}")
    assert (result.lost is not None, result.stopped, result.histories) == (True, False, None)
    found = ends(log)
    assert found["ok"] == answered
    assert found["invoke"] == found["ok"] + found["fail"] + found["info"] > found["ok"]
    assert found["fail"] > 0
    assert found["history"] == 0
    assert PASSWORD not in json.dumps(result.to_dict()) + log.read_text()


@pytest.mark.parametrize(("strategy", "processes"), [("redis-turn", 1), ("redis-list", 2)])
@pytest.mark.usefixtures("impatient")
def test_a_redis_that_is_killed_half_way(server: Server, tmp_path: Path, strategy: str, processes: int) -> None:
    log, workload = tmp_path / "log", replace(WORKLOAD, processes=processes)
    with Lab(tmp_path, redis_url=server.url, state_dir=tmp_path) as lab:
        result = simulate(strategy, workload, lab=lab, log=log, progress=after(60, server.kill))
    assert result.report.verdict == "unknown"
    assert "the memory was lost after" in result.report.why
    assert result.left == "What the run stored could not be deleted. Its keys in Redis expire within 15 minutes."
    found = ends(log)
    assert found["invoke"] == found["ok"] + found["fail"] + found["info"] > found["ok"] >= 60
    assert result.figures.round_trips is None
    assert server.url.removeprefix("unix://") not in json.dumps(result.to_dict()) + log.read_text()


@pytest.mark.usefixtures("impatient")
def test_what_was_seen_before_stands(server: Server, tmp_path: Path) -> None:
    """Somebody was shown somebody else's data, whatever became of the server."""
    workload = replace(WORKLOAD, users=100, turns=20)
    with Lab(tmp_path, redis_url=server.url, state_dir=tmp_path) as lab:
        leaked = once(server.kill, lambda moment: moment.leaks > 0)
        result = simulate("reused-connection", workload, lab=lab, progress=leaked)
    assert result.report.verdict == "anomalies"
    assert result.report.counts["foreign-read"] > 0
    assert "The memory was lost after" in result.report.why


@pytest.mark.usefixtures("impatient")
def test_a_redis_that_answers_no_more_ends_the_run(server: Server, tmp_path: Path) -> None:
    """It keeps its connections, so each turn would wait for its time to be over, to the last one."""
    workload = Workload(users=50, turns=200, latency="0.03", in_flight=16)
    with Lab(tmp_path, redis_url=f"{server.url}?socket_timeout=0.5", state_dir=tmp_path) as lab:
        result = simulate("redis-list", workload, lab=lab, progress=after(20, server.suspend))
    assert result.report.verdict == "unknown"
    assert result.lost is not None
    assert (result.lost.turns, result.lost.read) == (10_000, 0)
    assert result.figures.seconds < 20


def test_the_embedded_server_is_back_in_a_moment_with_all_it_had(tmp_path: Path) -> None:
    with Lab(tmp_path, state_dir=tmp_path) as lab:
        pids = [int(lab.redis.info("server")["process_id"])]

        def kill() -> None:
            os.kill(pids[0], signal.SIGKILL)

        workload = replace(WORKLOAD, turns=10)
        result = simulate("redis-turn", workload, lab=lab, progress=after(60, kill))
        assert int(lab.redis.info("server")["process_id"]) != pids[0]
    assert result.report.verdict == "isolated"
    assert (result.lost, result.left, result.histories) == (None, "", 40)
    assert result.figures.answered > 300


@pytest.mark.usefixtures("impatient")
def test_a_restart_that_finds_no_memory_ends_the_run(server: Server, tmp_path: Path) -> None:
    workload = replace(WORKLOAD, restart=True, turns=4)
    with Lab(tmp_path, redis_url=server.url, state_dir=tmp_path) as lab:
        result = simulate("redis-turn", workload, lab=lab, progress=after(80, server.kill))
    assert result.report.verdict == "unknown"
    assert result.lost is not None
    assert "cannot be reached" in result.lost.reason


@pytest.mark.usefixtures("impatient")
def test_a_run_in_the_background_ends_with_that_report(database: Postgres, tmp_path: Path) -> None:
    with Lab(tmp_path, state_dir=tmp_path, sql_url=database.url) as lab:
        runs = Runs(tmp_path / "runs", lambda folder: nullcontext(replace(lab, folder=folder)), place=Here())
        run = runs.start("ada", ["sql"], replace(WORKLOAD, latency="0.2"))
        wait_for(lambda: any(one.answered >= 60 for one in run.progress.values()), "some turns")
        database.stop()
        wait_for(lambda: not run.busy, "the end of the run", seconds=60)
    assert (run.state, run.problem) == ("done", "")
    again = Runs(tmp_path / "runs", runs._make_lab).find("ada", run.id)
    assert again is not None
    outcome = again.outcomes["sql"]
    assert outcome.report.verdict == "unknown"
    assert outcome.about["lost"]["answered"] == outcome.report.answered
    assert "DROP TABLE" in outcome.about["left"]


@pytest.mark.usefixtures("impatient")
def test_the_command_writes_every_file_and_ends_with_2(
    database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "rag.commands.simulate.simulate",
        lambda *given, progress, **named: simulate(*given, progress=after(60, database.stop), **named),
    )
    names = ("log", "json", "junit", "html")
    files = [text for name in names for text in (f"--{name}", str(tmp_path / name))]
    call = caller(monkeypatch, capsys)
    done = call(
        *("simulate", "--strategy", "sql", "--sql-url", database.url, "--users", "40", "--think", "0.3", *files),
        env=environment(tmp_path / "state"),
    )
    assert done.returncode == 2
    assert "unknown: Nothing can be said: the memory was lost after" in " ".join(done.stdout.split())
    assert "DROP TABLE crosswire_sim_" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert json.loads((tmp_path / "json").read_text())["verdict"] == "unknown"
    for name in ("junit", "html"):
        assert "the memory was lost after" in (tmp_path / name).read_text()
    assert ends(tmp_path / "log")["fail"] > 0
