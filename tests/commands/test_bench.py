"""`bench`: each measures in a state folder of its own and prints a table of what was asked for."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.running import Call

QUESTIONS = [
    {"question": "How many days to return an item?", "article": "returns", "part": "exact"},
    {"question": "What does the Kestrel weigh?", "article": "tents", "part": "paraphrase"},
    {"question": "How heavy is the stove?", "article": "stoves/gone", "part": "paraphrase"},
    {"question": "Who won the football?", "article": None, "part": "unanswerable"},
]


def test_it_measures_and_leaves_the_state_folder_alone(call: Call, env: dict[str, str], tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(question) for question in QUESTIONS))
    run = call("bench", "retrieval", "--questions", str(questions), "--misses", env=env)
    assert (run.returncode, run.stderr) == (0, "")
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in run.stdout.splitlines() if "│all" in line]
    assert [row[:5] for row in cells] == [
        ["exact", "all", "1", "1.000", "1.000"],
        ["paraphrase", "all", "2", "0.500", "0.500"],
        ["unanswerable", "all", "1", "-", "-"],
    ]
    assert "paraphrase: How heavy is the stove? -> " in run.stdout
    assert not Path(env["STATE_DIR"]).exists()


def test_sessions_are_generated_and_looked_at(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "sessions", "--sessions", "300", "--turns", "1", env=env)
    assert (run.returncode, run.stderr.strip()) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in run.stdout.splitlines() if "│" in line]
    assert {"overview", "open one session", "scan"} <= {row[0] for row in rows}
    assert "300 sessions, 600 messages" in run.stdout
    assert not Path(env["STATE_DIR"]).exists()


def test_a_whole_turn_is_measured_beside_its_floor_and_a_plain_build(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "turn", "--users", "4", "--turns", "2", "--slices", "1", env=env)
    assert (run.returncode, run.stderr.strip()) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in run.stdout.splitlines() if "│" in line]
    assert [row[0] for row in rows] == [
        "floor",
        "redis-turn",
        "Crosswire",
        "Crosswire, offline",
        "plain LangChain",
    ]
    assert (rows[0][2], rows[4][3]) == ("1.00", "1.00")
    assert all(float(cell.replace(",", "")) > 0 for row in rows for cell in row[1:])
    assert not Path(env["STATE_DIR"]).exists()


def test_a_clean_log_and_one_full_of_leaks_are_checked(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "check", "--events", "20000", env=env)
    assert (run.returncode, run.stderr.strip()) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in run.stdout.splitlines() if "│" in line]
    assert [(row[0], row[1]) for row in rows] == [("whole turns", "20,001"), ("shared memory", "2,001")]
    assert rows[0][-1] == "isolated"
    assert int(rows[1][-1].replace(",", "")) > 1000


def test_every_way_is_explored_and_timed(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "explore", "--strategy", "lesson-shared-pair", "--turns", "1", "--rounds", "1", env=env)
    assert (run.returncode, run.stderr.strip()) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in run.stdout.splitlines() if "│" in line]
    assert [row[:4] for row in rows] == [
        ["lesson-shared-pair", "2 users × 1", "exhaustive", "6"],
        ["lesson-shared-pair", "2 tabs × 1", "exhaustive", "6"],
        ["lesson-shared-pair", "3 users × 1", "exhaustive", "90"],
    ]
    assert all(float(cell.replace(",", "")) > 0 for row in rows for cell in row[4:])


def test_only_what_is_in_memory_is_timed(call: Call, env: dict[str, str]) -> None:
    run = call("bench", "explore", "--strategy", "nothing", env=env)
    assert run.returncode == 2
    assert len(run.stderr.strip().splitlines()) == 1
