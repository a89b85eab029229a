"""`bench room`, of a server that does nothing else."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from rag.errors import CrosswireError
from rag.web.bench import room as bench
from rag.web.room import routes


def test_every_answer_and_every_leak_is_timed(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "THINK", (0.05, 0.3))
    told: list[str] = []
    rows = asyncio.run(bench.measured(site, psutil.Process(), 4, 0.8, 0.02, told.append))
    by_name = {row.what: row for row in rows}
    asked, shown = by_name["question to answer"], by_name["question to the wall"]
    assert asked.p50 >= 0.02, "no answer before the model has one"
    assert 0 < shown.count <= asked.count
    assert by_name["question to answer, all at once"].count == 4
    assert "phones chat" in told


def test_a_wall_that_shows_nothing_new_is_noticed(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "THINK", (0.05, 0.3))
    monkeypatch.setattr(bench, "WITHIN", 0.2)
    monkeypatch.setattr(routes, "LOOK", 60.0)
    with pytest.raises(CrosswireError, match="The wall does not show"):
        asyncio.run(bench.measured(site, psutil.Process(), 4, 0.8, 0.02, lambda _: None))
