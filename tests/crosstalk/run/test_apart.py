"""Jobs in processes of their own: what is said, asked, refused and stopped goes over, and a process serves again."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from rag.crosstalk.background import apart
from rag.crosstalk.background.apart import ENDED, Line, Processes
from rag.errors import CrosswireError, SessionStoreUnavailable
from tests.servers import wait_for


@pytest.fixture(scope="module")
def processes() -> Iterator[Processes]:
    found = Processes()
    yield found
    found.close()


def done(processes: Processes, job: Any, stop: threading.Event | None = None, answer: Any = None) -> list[Any]:
    heard: list[Any] = []
    processes.do(job, heard.append, stop or threading.Event(), answer or (lambda *_: None))
    return heard


def tell(what: str, line: Line) -> None:
    line.say((what, os.getpid()))
    print("this is no reply")  # noqa: T201 - as a library might


def ask_twice(line: Line) -> None:
    line.say(line.ask(20, 1))
    try:
        line.ask("x", 1)
    except CrosswireError as exc:
        line.say(str(exc))


def refuse(line: Line) -> None:
    del line
    raise SessionStoreUnavailable("redis://secret", "no answer")


def break_down(line: Line) -> None:
    del line
    raise KeyError("secret")


def wait(line: Line) -> None:
    line.say(os.getpid())
    line.say(line.stop.wait(30))


def test_a_job_is_done_elsewhere_and_its_process_does_the_next_one(processes: Processes) -> None:
    [(first, there)] = done(processes, partial(tell, "hello"))
    assert (first, there != os.getpid()) == ("hello", True)
    assert done(processes, partial(tell, "again")) == [("again", there)]
    added, refusal = done(processes, ask_twice, answer=lambda a, b: a + b)
    assert added == 21
    assert refusal.startswith("TypeError: can only concatenate str")
    with pytest.raises(CrosswireError) as refused:
        done(processes, refuse)
    assert "redis://secret" in str(refused.value)
    assert "redis://secret" not in refused.value.public
    with pytest.raises(CrosswireError, match="KeyError: see the server's log"):
        done(processes, break_down)
    assert done(processes, partial(tell, "still")) == [("still", there)]


def test_a_job_is_stopped_and_one_that_loses_its_process_says_so(processes: Processes) -> None:
    stop, heard = threading.Event(), list[Any]()
    going = threading.Thread(target=processes.do, args=(wait, heard.append, stop, print))
    going.start()
    wait_for(lambda: bool(heard), "the job to begin", seconds=30)
    stop.set()
    going.join(10)
    assert heard[1:] == [True]

    def kill(said: Any) -> None:
        os.kill(said, signal.SIGKILL)

    with pytest.raises(CrosswireError, match=ENDED[:30]):
        processes.do(wait, kill, threading.Event(), print)
    assert [said for said, _ in done(processes, partial(tell, "and on"))] == ["and on"]


def test_what_has_been_idle_for_long_is_not_used_again(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    [(_, before)] = done(processes, partial(tell, "one"))
    monkeypatch.setattr(apart, "IDLE_SECONDS", 0)
    [(_, after)] = done(processes, partial(tell, "two"))
    assert before != after
