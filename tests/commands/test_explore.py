"""`python -m rag explore`: verdicts, exit status, certificates, replay, the exported test and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.crosstalk.explore import explorer
from tests.commands.running import Call


def test_a_right_strategy_ends_with_0_and_a_certificate(call: Call, env: dict[str, str]) -> None:
    done = call("explore", "--strategy", "dict-with-lock", "--tabs", "2", "--json", "-", env=env)
    assert done.returncode == 0, done.stderr
    certificate = json.loads(done.stdout)
    assert certificate["verdict"] == "0 of 6 interleavings go wrong (2 tabs, 2 turns each, 8 steps, exhaustive)"
    assert certificate["counterexample"] is None
    assert "0 of 6 interleavings go wrong" in done.stderr


def test_a_wrong_one_ends_with_1_and_its_failure_can_be_replayed(
    call: Call, env: dict[str, str], tmp_path: Path
) -> None:
    file, test = tmp_path / "c.json", tmp_path / "test_it.py"
    done = call(
        "explore", "--strategy", "redis-list", "--tabs", "2", "--json", str(file), "--pytest", str(test), env=env
    )
    assert done.returncode == 1, done.stderr
    assert "44 of 70 interleavings tear or interleave a turn, with at least one interruption: a race" in " ".join(
        done.stdout.split()
    )
    certificate = json.loads(file.read_text())
    assert (certificate["interleavings"], certificate["wrong"]) == (70, 68)
    assert certificate["by_preemptions"]["0"] == {"wrong": 0, "total": 2}
    assert certificate["counterexample"]["schedule"] in test.read_text()
    command = certificate["replay"].split()
    assert command[:3] == ["python", "-m", "rag"]
    again = call(*command[3:], env=env)
    assert again.returncode == 1
    assert certificate["counterexample"]["told"] in " ".join(again.stdout.split())


def test_a_schedule_that_goes_right_ends_with_0(call: Call, env: dict[str, str]) -> None:
    done = call("explore", "--strategy", "lesson-shared-late", "--replay", "AAABBB", "--json", "-", env=env)
    assert done.returncode == 1
    done = call("explore", "--strategy", "redis-turn", "--tabs", "2", "--replay", "AAABBB", env=env)
    assert done.returncode == 0, done.stderr
    assert "right" in done.stdout


@pytest.mark.parametrize("schedule", ["", "AAB"])
def test_a_schedule_that_is_not_over_ends_with_2(schedule: str, call: Call, env: dict[str, str]) -> None:
    done = call("explore", "--strategy", "lesson-list", "--replay", schedule, "--json", "-", env=env)
    assert done.returncode == 2
    assert json.loads(done.stdout)["verdict"] == "unknown"


def test_preemptions_turns_and_users_are_bounds(call: Call, env: dict[str, str]) -> None:
    arguments = ("--turns", "2", "--preemptions", "1", "--users", "2", "--json", "-")
    done = call("explore", "--strategy", "dict-per-session", *arguments, env=env)
    certificate = json.loads(done.stdout)
    assert certificate["preemption_bound"] == 1
    assert certificate["explored"] == "all with at most 1 preemption"
    done = call("explore", "--strategy", "constant-session-id", "--users", "3", "--turns", "1", "--json", "-", env=env)
    assert json.loads(done.stdout)["interleavings"] == 1680


def test_the_facts_table_is_printed_and_agrees(call: Call, env: dict[str, str]) -> None:
    done = call("explore", "--facts", "--json", "-", env=env)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == 10
    (noted,) = (row["note"] for row in rows if row["strategy"] == "lesson-list" and row["note"])
    assert noted in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all", "--strategy", "redis-list"),
        ("--all", "--replay", "AB"),
        ("--strategy", "nothing"),
        ("--strategy", "redis-list", "--users", "9"),
        ("--strategy", "redis-list", "--turns", "9"),
        ("--strategy", "redis-list", "--turns", "0"),
        ("--strategy", "lesson-turn-lock", "--tabs", "2", "--replay", "AB"),
        ("--strategy", "redis-list", "--tabs", "2", "--users", "2"),
        ("--strategy", "redis-list", "--replay", "ABX"),
        ("--strategy", "redis-list", "--json", "no/such/folder/file"),
    ],
)
def test_refusals_are_one_line_and_end_with_2(arguments: tuple[str, ...], call: Call, env: dict[str, str]) -> None:
    done = call("explore", *arguments, env=env)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_all_of_them_can_be_read_in_a_pipe_of_80_columns(
    call: Call, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["constant-session-id", "unfiltered-retrieval", "stateless"]
    monkeypatch.setattr("rag.commands.explore.STRATEGIES", names)
    monkeypatch.setattr(explorer, "FILE_LIMIT", 20)
    narrow = {**env, "COLUMNS": "80"}
    done = call("explore", "--all", env=narrow)
    assert done.returncode == 1, done.stderr
    facts = call("explore", "--facts", env=narrow)
    for out in (done.stdout, facts.stdout):
        assert max(map(len, out.splitlines())) <= 80
        assert "…" not in out
    assert "constant-session-id: 20 of 20 wrong, shortest failure AAABB\n" in done.stdout
    assert all(any(line.startswith(f"{name}: ") for line in done.stdout.splitlines()) for name in names)
    assert "torn-turn+interleaved-turns" in facts.stdout
