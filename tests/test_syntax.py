"""Two threads that parse at once, the second in the middle of the first: between them a collection runs Python code."""

from __future__ import annotations

import ast
import gc
import inspect
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rag.crosstalk.strategies import LESSONS
from rag.syntax import parsed, source_of

TEXT = inspect.getsource(threading)


def within(first: Callable[[], Any], second: Callable[[], Any], patience: float) -> Any:
    """What the first gives, or raises, where the second has begun in its middle, and ended if it did so in time."""
    begun, ended = threading.Event(), threading.Event()

    def run() -> None:
        begun.wait()
        second()
        ended.set()

    def collected(phase: str, _: dict[str, int]) -> None:
        if threading.current_thread() is here and phase == "start" and not begun.is_set() and waiting.is_set():
            begun.set()
            ended.wait(patience)

    here, waiting = threading.current_thread(), threading.Event()
    other = threading.Thread(target=run)
    other.start()
    before = gc.get_threshold()
    gc.callbacks.append(collected)
    try:
        gc.set_threshold(500)
        waiting.set()
        return first()
    finally:
        gc.callbacks.remove(collected)
        gc.set_threshold(*before)
        assert begun.is_set()
        other.join()
        assert ended.is_set()


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="mended there")
def test_python_itself_fails() -> None:
    with pytest.raises(SystemError, match="recursion depth mismatch"):
        within(lambda: ast.parse(TEXT), lambda: ast.parse(TEXT), patience=20)


@pytest.mark.parametrize(
    "second", [lambda: parsed(TEXT), lambda: source_of(LESSONS["lesson-list"]), LESSONS["lesson-deepcopy"].source]
)
def test_the_second_waits(second: Callable[[], Any]) -> None:
    assert within(lambda: parsed(TEXT), second, patience=0.3).body
    assert within(lambda: source_of(LESSONS["lesson-list"]), second, patience=0.3).startswith("class ")
