"""`bench`: each measures in a state folder of its own and gives what was asked for as a table, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rag.chat.evaluation import VERDICTS
from rag.resources import QUESTIONS as QUESTIONS_HERE
from rag.web.bench import served
from tests.commands.running import Call

QUESTIONS = [
    {"question": "How many days to return an item?", "article": "returns", "part": "exact"},
    {"question": "What does the Kestrel weigh?", "article": "tents", "part": "paraphrase"},
    {"question": "How heavy is the stove?", "article": "stoves/gone", "part": "paraphrase"},
    {"question": "Who won the football?", "article": None, "part": "unanswerable"},
]


Cells = list[list[str]]


def measured(call: Call, env: dict[str, str], *arguments: str) -> tuple[Any, Cells, str]:
    """The JSON, which is all that is on standard output; the cells of the table; and what is told."""
    run = call("bench", *arguments, "--json", "-", env=env)
    assert run.returncode == 0, run.stderr
    assert not Path(env["STATE_DIR"]).exists()
    lines = run.stderr.splitlines()
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if "│" in line]
    content = json.loads(run.stdout)
    assert len(content["rows"]) == len(rows)
    return content, rows, run.stderr


def test_it_measures_and_leaves_the_state_folder_alone(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(question) for question in QUESTIONS))
    content, rows, told = measured(call, env, "retrieval", "--questions", str(questions), "--misses")
    assert [row[:5] for row in rows if row[1] == "all"] == [
        ["exact", "all", "1", "1.000", "1.000"],
        ["paraphrase", "all", "2", "0.500", "0.500"],
        ["unanswerable", "all", "1", "-", "-"],
    ]
    assert "paraphrase: How heavy is the stove? -> " in told
    assert [one["question"] for one in content["misses"]] == ["How heavy is the stove?"]


def test_answers_are_counted(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    for file in QUESTIONS_HERE.parent.glob("*.jsonl"):
        (tmp_path / file.name).write_text("\n".join(file.read_text().splitlines()[:2]))
    content, rows, told = measured(call, env, "answers", "--folder", str(tmp_path))
    assert sum(one[verdict] for one in content["rows"] for verdict in VERDICTS) == 4
    assert {row[0] for row in rows} == {"questions", "questions-c"}
    assert [one["dialogues"] for one in content["dialogues"]] == [4, 2]
    assert "of 4 dialogues as expected" in told


def test_stores_are_measured_beside_the_limit(call: Call, env: dict[str, str]) -> None:
    content, rows, _ = measured(call, env, "store", "--quick", "--rounds", "1", "--seconds", "0.05")
    assert rows[0][4] == "1.00"
    assert all(row["rate"] > 0 and (row["threads"], row["messages"]) == (1, 40) for row in content["rows"])


def test_sessions_are_generated_and_looked_at(call: Call, env: dict[str, str]) -> None:
    content, rows, told = measured(call, env, "sessions", "--sessions", "300", "--turns", "1")
    assert {"overview", "open one session", "scan"} <= {row[0] for row in rows}
    assert "300 sessions, 600 messages" in told
    assert (content["sessions"], content["messages"]) == (300, 600)


def test_a_whole_turn_is_measured_beside_its_floor_and_a_plain_build(call: Call, env: dict[str, str]) -> None:
    content, rows, _ = measured(call, env, "turn", "--users", "4", "--turns", "2", "--rounds", "1")
    assert [row[0] for row in rows] == [
        "floor",
        "redis-turn",
        "Crosswire",
        "Crosswire, offline",
        "plain LangChain",
    ]
    assert (rows[0][2], rows[4][3]) == ("1.00", "1.00")
    assert all(row["rate"] > 0 for row in content["rows"])


def test_a_clean_log_and_one_full_of_leaks_are_checked(call: Call, env: dict[str, str]) -> None:
    content, rows, _ = measured(call, env, "check", "--events", "20000")
    assert [(row[0], row[1]) for row in rows] == [("whole turns", "20,001"), ("shared memory", "2,001")]
    assert rows[0][-1] == content["rows"][0]["verdict"] == "isolated"
    assert content["rows"][1]["found"] > 1000


def test_every_way_is_explored_and_timed(call: Call, env: dict[str, str]) -> None:
    arguments = ("--strategy", "lesson-shared-pair", "--turns", "1", "--rounds", "1")
    content, rows, _ = measured(call, env, "explore", *arguments)
    assert [row[:4] for row in rows] == [
        ["lesson-shared-pair", "2 users × 1", "exhaustive", "6"],
        ["lesson-shared-pair", "2 tabs × 1", "exhaustive", "6"],
        ["lesson-shared-pair", "3 users × 1", "exhaustive", "90"],
    ]
    assert [row["schedules"] for row in content["rows"]] == [6, 6, 90]


def test_each_verdict_is_timed(call: Call, env: dict[str, str]) -> None:
    arguments = ("--strategy", "shared-buffer", "--users", "5", "--turns", "2", "--rounds", "1")
    content, [cells], _ = measured(call, env, "verdict", *arguments)
    [row] = content["rows"]
    assert 0 < row["verdict"] <= row["report"]
    assert row["found"] > row["shown"] >= 0
    assert cells[0] == "shared-buffer"


def test_the_table_of_memories_is_written(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    content, [cells], _ = measured(call, env, "memories", "--strategy", "stateless", "--write", str(tmp_path / "t"))
    assert cells[:3] == ["stateless", "yes", "yes"]
    written = json.loads((tmp_path / "t").read_text())
    assert written.keys() == {"at", "machine", "versions", "rows"}
    assert written["rows"][0]["answers"] == content["rows"][0]["answers"]


def test_what_is_served_is_given_as_it_was_measured(
    call: Call, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = served.Row(100, "Crosswire, the API", 1234.5, 0.0123, 0.0456, 0.5, 3.0, 0.002, 0.4)
    monkeypatch.setattr(served, "run", lambda *_, **__: [row])
    content, [cells], _ = measured(call, env, "served")
    assert content["rows"] == [asdict(row)]
    assert cells[:5] == ["100", "Crosswire, the API", "1,234", "12.3", "45.6"]


def test_pages_are_opened_while_a_run_goes_on(call: Call, env: dict[str, str]) -> None:
    content, rows, _ = measured(call, env, "pages", "--seconds", "0.3")
    assert [row[0] for row in rows] == ["quiet", "busy"]
    assert [bool(row["runs"]) for row in content["rows"]] == [False, True]
    assert all(row["pages"] >= 1 and 0 < row["p50"] <= row["p95"] for row in content["rows"])


def test_only_what_is_in_memory_is_timed(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "explore", "--strategy", "nothing", env=env)
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1
