"""The table of all memories, measured in the background: kept with its evidence, for the session that asked for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from rag.crosstalk import Lab, Workload
from rag.crosstalk.background import jobs
from rag.crosstalk.background.comparisons import Table, Weighing, shipped
from rag.crosstalk.run.comparison import CRITERIA, EVIDENCE, Weighed, asked, weigh
from rag.crosstalk.strategies import STRATEGIES
from rag.errors import CrosswireError
from tests.crosstalk.run.here import Here
from tests.servers import wait_for

SMALL = Workload(users=10, turns=2, latency="0.002", seed=3)


@pytest.fixture
def weighing(lab: Lab, tmp_path: Path) -> Weighing:
    def make(folder: Path) -> AbstractContextManager[Lab]:
        return nullcontext(replace(lab, folder=folder))

    return Weighing(tmp_path / "weighings", make, Here())


def ended(weighing: Weighing) -> Table:
    table = weighing.start("ada", workload=SMALL)
    wait_for(lambda: not table.busy, "the end of the table", seconds=30)
    return table


def test_rows_are_found_again_after_a_restart_with_a_few_anomalies_of_each_kind(
    weighing: Weighing, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one(workload: Workload, lab: Lab, names: object, **_: object) -> Iterator[Weighed]:
        yield from weigh(workload, lab, ["shared-buffer"])

    monkeypatch.setattr(jobs, "weigh", one)
    table = ended(weighing)
    [row] = table.rows.values()
    assert (table.stopped, table.measured) == (True, 1)  # of all of them
    assert row.answers["isolated"] is False
    scenes = dict(row.against("isolated"))
    kinds = [anomaly.kind for anomaly in scenes["users"].anomalies]
    assert kinds
    assert max(map(kinds.count, kinds)) <= EVIDENCE
    again = Weighing(tmp_path / "weighings", lambda _: nullcontext(lab))
    stored = again.table("ada")
    assert stored.rows == {row.name: row}
    assert again.table("ben").rows == {}
    merged = stored.over(shipped())
    assert [one.name for one in merged] == list(STRATEGIES)
    assert [one.name for one in merged if one.here] == [row.name]


def test_the_table_that_is_shipped_answers_what_is_asked_of_every_memory() -> None:
    known = shipped()
    assert [row.name for row in known.rows] == list(STRATEGIES)
    assert known.machine
    assert known.versions
    for row in known.rows:
        kind = STRATEGIES[row.name]
        assert all(row.answers[one] is not None for one in CRITERIA if asked(row.name, one)), row.name
        assert row.answers["isolated"] == (kind.grade() != "wrong"), row.name
        assert all(row.answers[one] for one in CRITERIA if asked(row.name, one)) == (kind.grade() == "right"), row.name


@pytest.mark.parametrize(
    ("problem", "said"),
    [(CrosswireError("The memory is gone."), "The memory is gone."), (KeyError("secret"), "KeyError: see the server")],
)
def test_what_ends_a_table_early_is_said_and_inner_matters_are_not(
    weighing: Weighing, monkeypatch: pytest.MonkeyPatch, problem: Exception, said: str
) -> None:
    def broken(workload: Workload, lab: Lab, names: object, **_: object) -> Iterator[Weighed]:
        raise problem

    monkeypatch.setattr(jobs, "weigh", broken)
    table = ended(weighing)
    assert said in table.problem
    assert "secret" not in table.problem
