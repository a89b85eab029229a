"""What cannot be done is said in one line on standard error, with exit status 2 and nothing on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.commands.running import Call, Run, rag


@dataclass(frozen=True)
class Case:
    arguments: tuple[str, ...]
    says: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


HERE = str(Path(__file__))

CASES = {
    "an unknown path": Case(("ingest", "/no/such/file.md"), ("/no/such/file.md", "no such file or folder")),
    "an unknown file of questions": Case(
        ("bench", "retrieval", "--questions", "/no/such.jsonl"), ("/no/such.jsonl", "no such file", "--questions")
    ),
    "a file that holds no questions": Case(
        ("bench", "retrieval", "--questions", HERE), ("test_refusals.py line 1", "not a question (Invalid JSON")
    ),
    "an empty question": Case(("chat", "  "), ("question is empty",)),
    "an id that is none": Case(("chat", "hi", "--session", "a\nb"), ("is not a session id", "128")),
    "a store that does not answer": Case(
        ("chat", "hi"),
        ("redis://:***@127.0.0.1:1", "connection refused", "REDIS_URL"),
        {"REDIS_URL": "redis://:hunter2@127.0.0.1:1"},
    ),
    "a bad setting": Case(
        ("chat", "hi"), ("SESSION_TTL_SECONDS is 'soon'", "31536000"), {"SESSION_TTL_SECONDS": "soon"}
    ),
    "a state folder that is a file": Case(("ingest", HERE), ("STATE_DIR",), {"STATE_DIR": HERE}),
    "a model that does not answer": Case(
        ("chat", "How long can I return an item?"),
        ("http://127.0.0.1:1/v1", "Nothing was saved", "OPENAI_BASE_URL"),
        {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "MODEL_MAX_RETRIES": "0"},
    ),
}


def check(case: Case, run: Run) -> None:
    assert (run.returncode, run.stdout) == (2, "")
    lines = [line for line in run.stderr.splitlines() if not line.startswith("The library is empty")]
    assert len(lines) == 1, run.stderr
    assert all(part in lines[0] for part in case.says), run.stderr
    assert "hunter2" not in run.stderr


@pytest.mark.parametrize("name", CASES)
def test_it_is_one_line_and_status_2(call: Call, env: dict[str, str], name: str) -> None:
    check(CASES[name], call(*CASES[name].arguments, env={**env, **CASES[name].env}))


def test_it_is_one_line_and_status_2_from_a_shell(env: dict[str, str]) -> None:
    case = CASES["an unknown path"]
    check(case, rag(*case.arguments, env=env))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ("chat", "ingest", "bench")),
        (("chat",), ("--session", "--no-sources")),
        (("ingest",), ("paths", "--prune", "Exit status 1")),
        (("bench", "retrieval"), ("--questions", "--misses")),
    ],
)
def test_help_names_what_there_is(
    call: Call, env: dict[str, str], names: tuple[str, ...], words: tuple[str, ...]
) -> None:
    run = call(*names, "--help", env=env)
    assert (run.returncode, run.stderr) == (0, "")
    assert all(word in " ".join(run.stdout.split()) for word in words), run.stdout


@pytest.mark.parametrize("arguments", [("chatt",), ("ingest",), ("chat", "--nope"), ("bench", "retrievel")])
def test_bad_usage_is_status_2(call: Call, env: dict[str, str], arguments: tuple[str, ...]) -> None:
    run = call(*arguments, env=env)
    assert (run.returncode, run.stdout) == (2, "")
    assert "--help" in run.stderr
    assert len(run.stderr.splitlines()) == 1
