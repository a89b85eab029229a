"""`bench scale` and `bench stores`, each part on real servers, small."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from rag.errors import CrosswireError
from rag.web.bench import page
from rag.web.bench.scaling import at_once, levels, processes, ways
from rag.web.bench.servers import NotInstalled, program
from rag.web.bench.stores import on_redis, on_sql, run
from rag.web.bench.stores.base import Bench, Store, pair
from tests import needs


def silent(_: str) -> None:
    pass


def test_each_level_has_its_sessions_and_a_million_are_reckoned_from_the_largest(tmp_path: Path) -> None:
    told: list[str] = []
    rows = list(levels.run(tmp_path, (5, 60), seconds=0.05, progress=told.append))
    assert [row.sessions for row in rows] == [5, 60]
    assert told[0] == "5 live sessions: writing"
    for row in rows:
        assert row.redis_bytes > 1000  # ten messages
        assert 0 < row.p50 <= row.p99
    large = replace(rows[1], redis_bytes=4000.0, rate=2000.0)
    memory, rate = levels.extrapolated([rows[0], large], every=100.0)
    assert "4.0 GB" in memory
    assert "10,000 turns a second: 5.0 times" in rate


def test_all_operations_are_under_way_at_once_and_each_finds_its_own(tmp_path: Path) -> None:
    rows, errors = asyncio.run(at_once.run(tmp_path, many=300, connections=8, progress=silent))
    assert errors == {}
    assert [(row.under_way, row.held, row.errors, row.wrong) for row in rows] == [
        (300, None, 0, 0),
        (300, 300, 0, 0),  # as the server counts them, too
        (300, None, 0, 0),
        (300, None, 0, 0),
    ]


def test_a_failover_loses_what_no_replica_confirmed_and_routes_move_what_they_say(tmp_path: Path) -> None:
    needs.program("redis-server")
    (row,) = ways.run(tmp_path, [ways.Way("replica", replica=True)], seconds=0.1, progress=silent)
    assert (row.acknowledged, row.lost) == (20, 20)
    assert row.rate > 0
    assert row.copies > 100_000
    sessions = [f"session-{number}" for number in range(2000)]
    moved = {way.route: ways.moved(way.route, sessions) for way in ways.WAYS}
    assert moved[ways.by_rendezvous] == pytest.approx(0.25, abs=0.05)
    assert moved[ways.by_remainder] == pytest.approx(0.75, abs=0.05)
    assert moved[ways.any_process] is None


def test_processes_store_on_masters_and_the_knee_says_what_is_used_up(tmp_path: Path) -> None:
    needs.program("redis-server")
    (row,) = processes.store_alone(tmp_path, 1, (1,), 1, 0.2, silent)
    assert (row.what, row.processes, row.masters) == ("store alone", 1, 1)
    assert row.rate > 0
    assert 0 < row.p50 <= row.p99
    one = replace(row, rate=100.0)
    rows = [one, replace(one, processes=2, rate=190.0, busy=1.0), replace(one, processes=4, rate=195.0)]
    (told,) = processes.knee(rows)
    assert "2 processes and 1 master come within a tenth of the most (195 turns/s), with 100% of" in told
    several = [replace(row, redis_cpu=0.0002, busiest_cpu=0.0001, process_cpu=0.0005) for row in rows]
    assert processes.extrapolated(several, 60_000) == [
        "Extrapolated: 60,000 sessions that ask once in 60 s take 1,000 turns a second.",
        "Extrapolated, store alone: 500 µs of a process a turn, 2,000 turns/s a core, 0.5 cores.",
        "Extrapolated, 1 master: 100 µs of the busiest one a turn, 10,000 turns/s at most.",
    ]


def test_stores_are_asked_for_the_same_and_what_is_missing_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.program("redis-server")

    def missing(_: Bench) -> Iterator[Store]:
        program("no-such-package", "no-such-program")
        yield from ()

    monkeypatch.setattr(run, "THREADS", (2,))
    left_out: list[str] = []
    kinds = (missing, on_redis.stores, on_sql.on_sqlite)
    rows = list(run.run(tmp_path, seconds=0.05, kinds=kinds, progress=silent, left_out=left_out.append))
    assert left_out == ["no-such-program is not installed, so it is left out: apt-get install no-such-package"]
    assert [row.store.partition(" ")[0] for row in rows] == [
        *("Crosswire", "community", "plain", "events,"),
        *("community", "plain"),
    ]
    assert [row.flushed for row in rows] == ["each second"] * 4 + ["before the answer"] * 2
    assert rows[0].missed == 0  # it holds the session
    assert sum(row.missed for row in rows[1:]) > 0
    assert all(row.rate > 0 and row.read > 0 and row.write > 0 for row in rows)


def test_a_turn_is_unseen_where_the_next_one_does_not_name_it() -> None:
    seen = [*pair("first", "first"), *pair("after first", "0.0"), *pair("after 0.0", "1.0")]
    assert run.unseen(seen) == 0
    assert run.unseen([*seen, *pair("after 0.0", "0.1"), HumanMessage("after 1.0")]) == 2


def test_a_table_goes_where_its_page_has_a_place_for_it(tmp_path: Path) -> None:
    (file := tmp_path / "page.md").write_text("Before.\n<!-- a -->\nold\n<!-- /a -->\nAfter.\n")
    measured = page.Measured(began=0.0, load=1.25)
    page.write(file, "a", "python -m rag", measured, page.markdown(["x", "y"], [["1", "2|3"]]))
    lines = file.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("Before.", "After.")
    assert "`python -m rag`; " in lines[2]
    assert "load 1.2 before it began, 1 January 1970, 00:00 UTC." in lines[2]
    assert lines[4:7] == ["| x | y |", "| --- | --- |", "| 1 | 2/3 |"]
    with pytest.raises(CrosswireError, match="no place for this table"):
        page.write(file, "b", "python -m rag", measured, "")
    with pytest.raises(CrosswireError, match="cannot be written"):
        page.write(tmp_path / "none.md", "a", "python -m rag", measured, "")
    with pytest.raises(NotInstalled):
        program("x", "no-such-program")
