"""Help is quick and says of every command what it is for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from rag.commands import COMMANDS
from tests import PROJECT
from tests.commands.running import Call

HELP = """
import sys
from rag.__main__ import main
sys.argv = ["rag", "--help"]
try:
    main()
finally:
    print(*sys.modules)
"""


def test_help_names_every_command_and_loads_none() -> None:
    run = subprocess.run([sys.executable, "-c", HELP], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    said, modules = run.stdout.rstrip().rsplit("\n", 1)
    assert run.returncode == 0
    assert all(name in said for name in COMMANDS)
    assert {name.partition(".")[0] for name in modules.split()}.isdisjoint(("langchain_core", "chromadb", "redis"))


def test_what_asks_no_model_loads_none() -> None:
    loaded = "import sys; from rag.commands import check, explore, sessions, simulate; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", loaded], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert {"rag.commands.sessions", "rag.commands.simulate"} <= set(run.stdout.split())
    assert {"langchain_core.language_models.chat_models", "langsmith", "openai"}.isdisjoint(run.stdout.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help_of_its_own(name: str, call: Call) -> None:
    run = call(name, "--help", env={})
    assert (run.returncode, run.stderr) == (0, "")
    summary = " ".join(COMMANDS[name][1].split())
    assert summary in " ".join(run.stdout.split())


def test_a_mistyped_command_is_told_the_right_one(call: Call) -> None:
    run = call("simualte", env={})
    assert run.returncode == 2
    assert "simulate" in run.stderr
