"""What the commands show can be read in a pipe, where a terminal's width is not known: 80 columns, nothing cut."""

from __future__ import annotations

import os
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.commands.sessions_output import span
from rag.crosstalk.run.comparison import SCENES, weigh
from rag.sessions import SessionStore, connect
from tests.commands.running import Call

FEW = ("--users", "4", "--turns", "2", "--latency", "0")
SHOWN = {
    "the list of memories": ("simulate", "--list"),
    "several memories": ("simulate", "--compare", "shared-buffer,sqlite", *FEW),
    "which memory": ("simulate", "--table", *FEW),
    "sessions": ("sessions", "list"),
    "a session": ("sessions", "show", "LONG", "--raw"),
    "a scan": ("sessions", "scan"),
    "a benchmark": ("bench", "explore", "--strategy", "lesson-shared-pair", "--turns", "1", "--rounds", "1"),
    "every interleaving": ("explore", "--strategy", "constant-session-id"),
}
LONG = "customer-4711-of-the-shop-in-the-north-and-a-number-0123456789-of-its-own"


@pytest.mark.parametrize("name", SHOWN)
def test_no_line_is_longer_than_80(name: str, call: Call, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(connect("embedded", state_dir=Path(env["STATE_DIR"]))) as client:
        if "sessions" in SHOWN[name]:
            with SessionStore(client).turn(LONG) as turn:
                turn.commit([HumanMessage("Hi " * 90), AIMessage("Hello " * 90)], model="a-model-with-a-long-name-8b")
            SessionStore(client).pin(LONG)
        monkeypatch.setattr("rag.commands.simulate.weigh", partial(weigh, names=["shared-buffer", "stateless"]))
        monkeypatch.setitem(SCENES, "processes", {})  # whose processes take long to start
        monkeypatch.setattr(os, "get_terminal_size", _no_terminal)
        arguments = [LONG if word == "LONG" else word for word in SHOWN[name]]
        run = call(*arguments, env={key: value for key, value in env.items() if key != "COLUMNS"})
    assert run.returncode in (0, 1) or "--table" in arguments, run.stderr
    lines = [line for line in run.stdout.splitlines() if not line.startswith("Replay it: ")]
    assert lines
    assert [line for line in lines if len(line) > 80] == []


def _no_terminal(*_: object) -> os.terminal_size:
    raise OSError


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-3, "0 s"), (45, "45 s"), (720, "12 min"), (12_600, "3.5 h"), (172_799, "48.0 h"), (700_000, "8 d")],
)
def test_a_span_is_told_in_the_unit_that_fits(seconds: float, told: str) -> None:
    assert span(seconds) == told
