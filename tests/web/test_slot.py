"""The slot, with a clock that the tests move: one thread works, and whoever does not get on loses it to another."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from time import monotonic

import pytest

from rag.chat import Token
from rag.web import slot as module
from rag.web import turn
from rag.web.slot import PATIENCE, Slot
from rag.web.turn import QUICK, Workers


class _Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "LINGER", 2.0)  # so that a starved machine makes no further thread


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    return _Clock(monkeypatch)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.001)


@pytest.mark.usefixtures("clock")
def test_usual_work_is_done_in_turn_by_one_thread_even_where_some_of_it_breaks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL + 1)
    done: list[int] = []
    threads: set[int] = set()

    def work(number: int) -> None:
        done.append(number)
        threads.add(threading.get_ident())
        if number % 7 == 3:
            raise StopIteration

    async def scene() -> None:
        slot = Slot(8, "test")
        for number in range(300):
            slot.submit(lambda number=number: work(number))  # type: ignore[misc]
            if number % 10 == 0:
                await asyncio.sleep(0)
        await _until(lambda: len(done) == 300)

    asyncio.run(scene())
    assert done == list(range(300))
    assert len(threads) == 1


def test_who_does_not_get_on_loses_the_slot_ends_beside_it_and_nothing_is_lost(clock: _Clock) -> None:
    done: list[str] = []
    gates = {name: threading.Event() for name in ("slow", "slower")}
    begun = {name: threading.Event() for name in gates}

    def stuck(name: str) -> None:
        begun[name].set()
        assert gates[name].wait(20)
        done.append(name)

    async def scene() -> None:
        slot = Slot(2, "test")
        slot.submit(lambda: stuck("slow"))
        await _until(begun["slow"].is_set)
        slot.submit(lambda: done.append("first"))
        slot.submit(lambda: done.append("second"))
        await asyncio.sleep(3 * PATIENCE)
        assert done == []  # by the clock nothing is late yet
        clock.now += 2 * PATIENCE
        await _until(lambda: done == ["first", "second"])

        # Both threads are stuck: whatever comes now waits for one of them, and is not forgotten.
        slot.submit(lambda: stuck("slower"))
        await _until(begun["slower"].is_set)
        slot.submit(lambda: done.append("third"))
        clock.now += 2 * PATIENCE
        await asyncio.sleep(3 * PATIENCE)
        assert done == ["first", "second"]
        gates["slow"].set()
        await _until(lambda: slot.running == 1)
        clock.now += 2 * PATIENCE
        await _until(lambda: done == ["first", "second", "slow", "third"])
        gates["slower"].set()
        await _until(lambda: done[-1] == "slower" and slot.running == 1)

        # The slow one has ended beside the slot; one thread works again.
        threads: list[int] = []
        for _ in range(20):
            slot.submit(lambda: threads.append(threading.get_ident()))
        await _until(lambda: len(threads) == 20)
        assert len(set(threads)) == 1

    asyncio.run(scene())


def test_what_ends_beside_the_slot_is_progress_too(clock: _Clock) -> None:
    """On a machine where everything is slow, one thread after the other would be started otherwise."""
    gates = [threading.Event() for _ in range(3)]
    begun: list[int] = []

    def stuck(number: int) -> None:
        begun.append(number)
        assert gates[number].wait(20)

    async def scene() -> None:
        slot, ended = Slot(8, "test"), threading.Event()
        for number in range(3):
            slot.submit(lambda number=number: stuck(number))  # type: ignore[misc]
        await _until(lambda: begun == [0])
        assert slot.robbed_at < 0
        clock.now += PATIENCE
        await _until(lambda: begun == [0, 1])
        assert slot.robbed_at == clock.now

        clock.now += 0.75 * PATIENCE
        gates[0].set()  # beside the slot, whose holder has a quarter of its time left
        await _until(lambda: slot.running == 1)
        clock.now += 0.5 * PATIENCE
        await asyncio.sleep(3 * PATIENCE)
        assert begun == [0, 1]
        clock.now += 0.5 * PATIENCE
        await _until(lambda: begun == [0, 1, 2])
        for gate in gates:
            gate.set()
        slot.submit(ended.set)
        await _until(ended.is_set)

    asyncio.run(scene())


@pytest.mark.usefixtures("clock")
def test_what_ends_is_told_together_where_much_waits_and_held_back_by_nothing_that_hangs() -> None:
    told: list[int] = []
    woken: list[Callable[[], object]] = []
    gates = [threading.Event() for _ in range(2)]

    class Loop:
        def __init__(self) -> None:
            self._loop = asyncio.get_running_loop()

        def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
            woken.append(callback)
            self._loop.call_soon_threadsafe(callback)

    async def scene() -> None:
        slot, loop = Slot(8, "test"), Loop()

        def work(number: int) -> None:
            slot.tell(loop, lambda: told.append(number))  # type: ignore[arg-type]

        def stuck(number: int) -> None:
            assert gates[number].wait(20)

        slot.submit(lambda: work(0))
        await _until(lambda: told == [0])
        assert len(woken) == 1
        slot.submit(lambda: stuck(0))
        for number in range(1, 21):
            slot.submit(lambda number=number: work(number))  # type: ignore[misc]
        slot.submit(lambda: stuck(1))
        for number in range(21, 21 + module.MUCH):
            slot.submit(lambda number=number: work(number))  # type: ignore[misc]
        gates[0].set()
        await _until(lambda: told == list(range(21)))
        assert len(woken) <= 3
        gates[1].set()
        await _until(lambda: told == list(range(21 + module.MUCH)))

    asyncio.run(scene())


def test_a_model_is_slow_where_a_thread_lost_the_slot_unless_it_answered_quickly_meanwhile() -> None:
    workers = Workers()
    assert not workers.slow()
    workers.slot.robbed_at = monotonic()
    assert workers.slow()
    workers.answered(10 * QUICK)
    assert workers.slow()
    workers.answered(QUICK / 10)
    assert not workers.slow()


async def test_what_was_fetched_before_it_was_told_is_not_told_as_nothing() -> None:
    """A thread tells of one thing, and of another while the event loop is on its way to fetch the first."""
    told = turn._Turn(None, None, None, None, whole=False)  # type: ignore[arg-type]  # begun by nobody
    told._loop, told._arrived = asyncio.get_running_loop(), asyncio.Event()
    told._post(Token("one"))
    await asyncio.sleep(0)
    told._post(Token("two"))
    assert await told.items() == [Token("one"), Token("two")]
    further = asyncio.create_task(told.items())
    await asyncio.sleep(0.01)
    assert not further.done()
    told._post(None)
    assert await further == [None]
