"""`python -m rag simulate`: exit status, reports, refusals and Ctrl-C."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.commands import app
from rag.crosstalk import STRATEGIES, Lab, RunResult, Workload
from rag.crosstalk.report.reproduce import command as reproducing
from rag.crosstalk.run.comparison import SCENES, Weighed, weigh
from rag.errors import CrosswireError
from tests import PROJECT
from tests.commands.running import Call, command
from tests.servers import wait_for

QUICK = ("--users", "20", "--latency", "0.002")


def test_a_right_strategy_ends_with_0(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    done = call("simulate", "--strategy", "redis-turn", *QUICK, "--tabs", "2", "--json", str(tmp_path / "r"), env=env)
    assert done.returncode == 0, done.stderr
    assert "isolated" in done.stdout
    report = json.loads((tmp_path / "r").read_text())
    assert (report["verdict"], report["strategy"], report["turns"]) == ("isolated", "redis-turn", 120)
    assert report["anomalies"] == []
    assert report["figures"]["answered"] == 120


def test_a_wrong_strategy_ends_with_1_and_its_report_is_all_that_is_on_standard_output(
    call: Call, env: dict[str, str]
) -> None:
    done = call("simulate", "--strategy", "shared-buffer", *QUICK, "--json", "-", env=env)
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert report["verdict"] == "anomalies"
    assert report["counts"]["foreign-read"] > 0
    assert "shared-buffer" in done.stderr
    assert "Warning" not in done.stderr


def test_what_could_not_have_leaked_is_unknown(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--strategy", "redis-turn", "--users", "1", "--turns", "2", env=env)
    assert done.returncode == 2
    assert "unknown" in done.stdout


def test_a_strategy_that_needs_cancelled_turns_gets_some(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--strategy", "reused-connection", "--users", "60", "--json", "-", env=env)
    assert done.returncode == 1, done.stdout
    assert json.loads(done.stdout)["workload"]["cancelled"] > 0


def test_compared_strategies_share_a_table_and_a_report(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    names = "redis-turn, dict-per-session,shared-buffer"
    done = call("simulate", "--compare", names, *QUICK, "--seed", "7", "--json", str(tmp_path / "r"), env=env)
    assert done.returncode == 1
    report = json.loads((tmp_path / "r").read_text())
    assert report["verdict"] == "anomalies"
    assert [run["verdict"] for run in report["runs"]] == ["isolated", "isolated", "anomalies"]
    assert all(name.strip() in done.stdout for name in names.split(","))


def test_the_log_is_kept_where_it_is_asked_for(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    done = call("simulate", "--strategy", "sqlite", *QUICK, "--log", str(tmp_path / "log"), env=env)
    assert done.returncode == 0
    events = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert events.count("invoke") == events.count("ok") == 60


def test_the_list_names_all_with_what_they_teach(call: Call, env: dict[str, str]) -> None:
    done = call("simulate", "--list", env=env)
    assert done.returncode == 0
    assert all(name in done.stdout for name in STRATEGIES)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--strategy", "redis"), "redis-turn"),
        (("--compare", "redis-turn,redis"), "redis-turn"),
        ((), "--strategy"),
        (("--strategy", "sqlite", "--all"), "--strategy"),
        (("--strategy", "sqlite", "--users", "0"), "users"),
        (("--strategy", "sqlite", "--users", "10001"), "users"),
        (("--strategy", "sqlite", "--turns", "1"), "turns"),
        (("--strategy", "sqlite", "--arrival", "never"), "arrival"),
        (("--strategy", "sqlite", "--latency", "slow"), "latency"),
        (("--strategy", "sqlite", "--cancelled", "2"), "cancelled"),
        (("--strategy", "sqlite", "--model", "gpt"), "--model"),
        (("--compare", "sqlite,stateless", "--log", "x"), "--log"),
        (("--strategy", "sqlite", *QUICK, "--html", "-"), "name a file with --html"),
        (("--strategy", "sqlite", *QUICK, "--junit", "-"), "name a file with --junit"),
        (("--strategy", "sqlite", *QUICK, "--log", "-"), "name a file with --log"),
        (("--strategy", "sqlite", *QUICK, "--pytest", "-"), "name a file with --pytest"),
        (("--strategy", "sqlite", *QUICK, "--json", "/nowhere/r"), "/nowhere/r"),
        (("--strategy", "sqlite", *QUICK, "--log", "/nowhere/l"), "/nowhere/l"),
    ],
)
def test_a_refusal_is_one_line(call: Call, env: dict[str, str], arguments: tuple[str, ...], word: str) -> None:
    done = call("simulate", *arguments, env=env)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert word in lines[-1]
    assert "Traceback" not in done.stderr


def test_the_test_that_runs_it_again_is_written_where_it_is_asked_for(
    call: Call, env: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "test_again.py"
    done = call("simulate", "--strategy", "shared-buffer", *QUICK, "--pytest", str(path), env=env)
    assert done.returncode == 1
    assert "STRATEGY = 'shared-buffer'" in path.read_text()
    done = call("simulate", "--strategy", "redis-turn", *QUICK, "--pytest", str(tmp_path / "none"), env=env)
    assert "no test to write" in done.stderr
    assert not (tmp_path / "none").exists()


class Begun(CrosswireError):
    """A run would have started now."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        super().__init__("begun")


SECONDS = st.floats(0, 60)
WORKLOADS = st.builds(
    Workload,
    users=st.integers(1, 100),
    turns=st.integers(2, 100),
    tabs=st.integers(1, 20),
    processes=st.integers(1, 16),
    arrival=st.one_of(
        st.just("at once"), SECONDS.map("ramp:{}".format), st.floats(0.001, 3600).map("poisson:{}".format)
    ),
    think=SECONDS,
    latency=st.one_of(SECONDS.map(str), st.tuples(SECONDS, st.floats(0, 3)).map("{0[0]}~{0[1]}".format)),
    cancelled=st.none() | st.floats(0, 1),
    restart=st.booleans(),
    in_flight=st.integers(1, 512),
    seed=st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(workload=WORKLOADS, strategy=st.sampled_from(list(STRATEGIES)))
def test_the_command_that_does_the_same_does_the_same(
    workload: Workload, strategy: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begun(name: str, *, workload: Workload, **_: object) -> RunResult:
        assert name == strategy
        raise Begun(workload)

    python, dash, package, name, *arguments = shlex.split(reproducing(workload, strategy=strategy))
    assert (python, dash, package, name) == ("python", "-m", "rag", "simulate")
    monkeypatch.setattr("rag.commands.simulate.simulate", begun)
    monkeypatch.setenv("STATE_DIR", env["STATE_DIR"])
    with pytest.raises(Begun) as started:
        _simulate().main(arguments, standalone_mode=False)
    assert started.value.workload == workload


@cache
def _simulate() -> Any:
    """Made once: that takes longer than to read arguments by it."""
    group: Any = typer.main.get_command(app)
    return group.resolve_command(typer.Context(group), ["simulate"])[1]


def test_ctrl_c_gives_the_verdict_so_far(env: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ("--strategy", "redis-turn", "--users", "500", "--turns", "100", "--latency", "0.1", "--log", str(log))
    running = subprocess.Popen(
        command("simulate", *arguments, "--json", "-"),
        cwd=PROJECT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for_answers(log, running)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    finally:
        running.kill()
    report = json.loads(out)
    assert report["stopped"] is True
    assert report["verdict"] in ("isolated", "unknown")
    assert running.returncode == {"isolated": 0, "unknown": 2}[report["verdict"]]
    assert "Traceback" not in err


def _wait_for_answers(log: Path, running: subprocess.Popen[str]) -> None:
    def answered() -> bool:
        assert running.poll() is None
        return log.exists() and '"ok"' in log.read_text()

    wait_for(answered, "the first answers")


def test_a_table_that_cannot_be_finished_shows_the_rows_so_far(
    call: Call, env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(workload: Workload, lab: Lab, **_: object) -> Iterator[Weighed]:
        yield from weigh(workload, lab, ["stateless"])
        raise CrosswireError("The memory is gone.")

    monkeypatch.setattr("rag.commands.simulate.weigh", broken_off)
    monkeypatch.setitem(SCENES, "processes", {})  # whose processes take long to start
    done = call("simulate", "--table", *QUICK, "--json", str(tmp_path / "r"), env=env)
    assert done.returncode == 2
    assert "stateless" in done.stdout
    assert done.stderr.splitlines()[-1] == "The memory is gone."
    assert [row["strategy"] for row in json.loads((tmp_path / "r").read_text())["strategies"]] == ["stateless"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_table_that_is_stopped_gives_the_rows_so_far(env: dict[str, str], number: signal.Signals) -> None:
    alone = "from rag.crosstalk.run.comparison import SCENES; SCENES['processes'] = {}; "
    quicker = [sys.executable, "-c", f"{alone}from rag.__main__ import main; main()"]
    whole = number == signal.SIGINT  # once is enough for processes that take long to start
    running = subprocess.Popen(
        [*(command() if whole else quicker), "simulate", "--table", *QUICK],
        cwd=PROJECT,
        env={**env, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    folder, runs = Path(env["STATE_DIR"]) / "simulations", set[Path]()
    before = set(folder.glob("*"))

    def second_row() -> bool:
        runs.update(folder.glob("*"))
        return len(runs - before) > len(SCENES)

    try:
        wait_for(second_row, "the runs of the second row", 60)
        running.send_signal(number)
        out, err = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 2, err
    assert out.startswith("strategy ")
    assert "\nshared-buffer " in out
    assert f" of {len(STRATEGIES)} memories." in out
    assert "Stopping" in err
    assert "Traceback" not in out + err


def test_a_worker_whose_run_is_over_before_it_has_begun_says_nothing() -> None:
    worker = [sys.executable, "-m", "rag.crosstalk.run.worker"]
    done = subprocess.run(worker, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
