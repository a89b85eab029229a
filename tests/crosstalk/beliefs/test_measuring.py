"""Each belief is measured for real; the answer is what the measurement says, and none where it cannot say."""

from __future__ import annotations

import threading
from contextlib import ExitStack, closing, nullcontext

import pytest

from rag.crosstalk.beliefs import BELIEFS, Measurements, knee
from rag.crosstalk.beliefs.crowds import SHOWN, crowd
from rag.crosstalk.beliefs.interleavings import every_order
from rag.crosstalk.beliefs.knee import MORE, PEOPLE
from rag.crosstalk.beliefs.measuring import AT_ONCE, NotMeasured
from rag.crosstalk.beliefs.results import Bench
from rag.crosstalk.run.workload import Workload
from rag.crosstalk.strategies import Lab

ANSWERS = {
    "one-memory": False,
    "in-memory": False,
    "one-user": True,
    "one-context": True,
    "not-persisted": False,
    "load-append-save": False,
}
"""Of those that do not depend on how fast the machine is."""


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_wrong_is_found_and_what_is_right_is_not_accused(name: str, lab: Lab) -> None:
    told: list[float] = []
    found = BELIEFS[name].measure(Bench(lab, lambda share, text: told.append(share)))
    assert found.answer is ANSWERS[name], found
    (_, *had), (what, wrong, right) = found.rows
    assert all(int(each) > 0 for each in had)
    assert int(wrong) > 0, what
    assert right == "0", what
    assert found.told.startswith(f"{wrong} of ")
    assert told
    assert 0 <= min(told) <= max(told) <= 1


def test_where_a_process_stops_to_keep_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knee, "SECONDS", 0.4)  # of each level: eight turns of whoever need not wait
    found = BELIEFS["one-server"].measure(Bench(lab, lambda share, text: None))
    rates = [level.rate for level in found.levels]
    assert [level.people for level in found.levels] == list(PEOPLE[: len(rates)])
    most = max(rates)
    if rates[-1] >= MORE * max(rates[:-1]):
        assert found.answer is (True if most >= 1_000_000 / 60 else None)
        return
    assert found.answer == (most >= 1_000_000 / 60)
    assert f"at most {most:,.0f} turns a second" in found.told
    assert all(level.p95 >= 0.05 for level in found.levels)  # what the model takes
    assert not list(lab.redis.scan_iter("*knee-*"))


def test_what_was_stopped_or_has_no_fault_gets_no_answer_or_the_other_one(lab: Lab) -> None:
    stopped = Bench(lab, lambda share, text: None)
    stopped.stop.set()
    for name in ("one-memory", "one-user", "one-server"):
        assert BELIEFS[name].measure(stopped).answer is None, name
    going = Bench(lab, lambda share, text: None)
    assert crowd(going, "sqlite", Workload(5), SHOWN).answer is True
    assert every_order(going, "lesson-turn-lock", "lesson-turn-lock").answer is False


def test_it_is_measured_in_another_process_which_ends_when_it_is_told_to(lab: Lab) -> None:
    told: list[str] = []
    with closing(Measurements(lambda folder: nullcontext(lab))) as measurements:
        found = measurements.take("one-user", lambda share, text: told.append(text), threading.Event())
        assert (found.answer, found.rows[1]) == (True, ("of these go wrong", "68", "0"))
        assert "lesson-list: every order of two turns" in told
        with pytest.raises(NotMeasured, match="stopped after too long"):
            measurements.take("one-server", lambda share, text: None, threading.Event(), limit=0)
        stop = threading.Event()
        with pytest.raises(NotMeasured, match=r"It was stopped\."):
            measurements.take("one-server", lambda share, text: stop.set() if "people at once" in text else None, stop)
        with ExitStack() as others:
            for _ in range(AT_ONCE):
                others.enter_context(measurements._a_place(lambda share, text: None, stop))
            with pytest.raises(NotMeasured, match="before its turn came"):
                measurements.take("one-user", lambda share, text: told.append(text), stop)
    assert told[-1] == "Waiting for another measurement to end"
