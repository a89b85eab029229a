"""Chat: one question or many lines, and the memory of exactly one session."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests import PROJECT
from tests.commands.running import Call, Run, command, rag


@pytest.fixture(scope="module")
def first(env: dict[str, str]) -> Run:
    return rag("chat", "My name is Ada and my order is ORD-4821.", "--session", "ada", env=env)


def test_an_empty_library_is_filled_with_the_articles_first(first: Run) -> None:
    assert first.returncode == 0
    assert first.stderr.splitlines() == ["The library is empty: loading the articles that come with Crosswire …"]
    assert first.stdout.strip()


def test_a_session_remembers_and_another_does_not(call: Call, env: dict[str, str], first: Run) -> None:
    same = call("chat", "What is my order number?", "--session", "ada", env=env)
    other = call("chat", "What is my order number?", "--session", "ben", env=env)
    assert "ORD-4821" in same.stdout
    assert "ORD-4821" not in other.stdout
    assert (same.returncode, other.returncode, same.stderr, other.stderr) == (0, 0, "", "")


def test_an_answer_names_its_sources_unless_told_not_to(call: Call, env: dict[str, str], first: Run) -> None:
    question = "Within how many days can I return an unworn item?"
    cited = call("chat", question, "--session", "c", env=env)
    plain = call("chat", question, "--session", "d", "--no-sources", env=env)
    assert "45 days" in cited.stdout
    assert "[1] Returns  (returns)" in cited.stdout
    assert "45 days" in plain.stdout
    assert "(returns)" not in plain.stdout


def test_lines_are_one_conversation_and_a_bad_one_does_not_end_it(call: Call, env: dict[str, str], first: Run) -> None:
    lines = ["My name is Grace.", "   ", "x" * 20_000, "What is my name?"]
    run = call("chat", "--session", "grace", env=env, typed="\n".join(lines))
    assert run.returncode == 0
    assert "You said: My name is Grace." in run.stdout
    greeting, problem = run.stderr.splitlines()
    assert "Ctrl-D ends" in greeting
    assert "too long" in problem or "characters" in problem


def interrupted(env: dict[str, str], before: str, *options: str) -> tuple[int, str]:
    """Exit status of a conversation that gets Ctrl-C after a line that begins so, and what it said from then on."""
    with subprocess.Popen(
        [sys.executable, *options, *command("chat")[1:]],
        cwd=PROJECT,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(before):
                break
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)
    return process.returncode, rest


def test_ctrl_c_ends_it_quietly(env: dict[str, str], first: Run) -> None:
    status, rest = interrupted(env, "Session ")
    assert (status, rest.strip()) == (130, "")


def test_ctrl_c_while_it_is_loading_ends_it_quietly(env: dict[str, str]) -> None:
    """Python says with -v what it loads, so the interrupt comes in the middle of it."""
    status, rest = interrupted(env, "import 'langchain_core", "-v")
    assert status == 130
    assert "Traceback" not in rest
