"""Ctrl-C once: what was found so far. Twice: enough."""

from __future__ import annotations

import signal
import threading

import pytest

from rag.commands.interrupts import stop_on_interrupt


def test_the_first_one_stops_the_work_and_the_second_one_the_program() -> None:
    before, stop, said = signal.getsignal(signal.SIGINT), threading.Event(), list[str]()
    with stop_on_interrupt(stop, lambda: said.append("stopping")):
        signal.raise_signal(signal.SIGINT)
        assert (stop.is_set(), said) == (True, ["stopping"])
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert said == ["stopping"]
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_nothing_is_caught_and_the_work_is_done() -> None:
    done: list[bool] = []

    def work() -> None:
        with stop_on_interrupt(threading.Event()):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
