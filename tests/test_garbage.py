"""What the garbage collector is kept from looking through, and that nothing is kept by it."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from rag import garbage


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each full collection sets aside."""
    monkeypatch.setattr(garbage, "EVERY", 0.0)
    monkeypatch.setattr(garbage, "_SET_ASIDE", garbage._SetAside())
    gc.freeze()  # what the other tests left is looked through once only
    garbage.settle()
    gc.callbacks.append(looked_through := garbage._SET_ASIDE.looked_through)
    try:
        yield
    finally:
        gc.callbacks.remove(looked_through)


@pytest.mark.usefixtures("collected")
def test_what_was_looked_through_is_not_looked_through_again() -> None:
    kept = [[number] for number in range(10_000)]
    gc.collect()
    assert not {id(one) for one in kept} & {id(one) for one in gc.get_objects()}
    before = gc.get_freeze_count()
    kept.clear()
    assert gc.get_freeze_count() <= before - 10_000, "what nothing refers to is gone, as ever"


@pytest.mark.usefixtures("collected")
def test_a_circle_that_was_set_aside_is_found_in_a_quiet_moment_and_only_where_something_is_new() -> None:
    assert not garbage.collect_all(), "nothing was set aside since the start"
    circle = Circle()
    gone = weakref.ref(circle)
    gc.collect()
    del circle
    gc.collect()
    assert gone(), "set aside"
    assert garbage.collect_all()
    assert not gone()
    assert not garbage.collect_all()


@pytest.mark.parametrize(("answers", "looks"), [([True, True, False], 3), ([True] * 1000, None)])
def test_it_waits_for_a_quiet_moment_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], looks: int | None
) -> None:
    """looks: after which it is collected; None: when the time is over."""
    left, found, done = iter(answers), list[int](), 0
    monkeypatch.setattr(garbage, "_TICK", 0.001)

    def busy() -> bool:
        nonlocal done
        done += 1
        return next(left)

    async def once() -> None:
        ended = asyncio.Event()

        def collect_all() -> bool:
            found.append(done)
            ended.set()
            return True

        monkeypatch.setattr(garbage, "collect_all", collect_all)
        task = asyncio.create_task(garbage.collect_forever(busy, 0.1))
        await ended.wait()
        assert len(gc.callbacks) == told + 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    told = len(gc.callbacks)
    asyncio.run(once())
    assert len(gc.callbacks) == told, "not beyond its end"
    assert found == [looks] if looks else 1 < found[0] < 1000
