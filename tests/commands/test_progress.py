"""Ctrl-C once: what was found so far. Twice: enough."""

from __future__ import annotations

import signal
import threading

import pytest

from rag.commands.progress import stop_on_interrupt


def test_the_first_one_stops_the_work_and_the_second_one_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    before, stop = signal.getsignal(signal.SIGINT), threading.Event()
    with stop_on_interrupt(stop, "Stopping."):
        signal.raise_signal(signal.SIGINT)
        assert (stop.is_set(), capsys.readouterr().err) == (True, "Stopping.\n")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert capsys.readouterr().err == ""
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
