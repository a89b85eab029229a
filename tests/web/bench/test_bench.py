"""`bench served`: every party is served for real, and an answer that is not the right one is no figure."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from rag.errors import CrosswireError
from rag.knowledge.search.evaluation import read_questions
from rag.resources import QUESTIONS
from rag.ui.page_load import Owner, Tab
from rag.web.bench import load, overload, pages, pressure, served
from rag.web.bench.load import Job, perform
from rag.web.bench.serving import Party
from rag.web.bench.serving import serving as process
from tests.web.serving import serving


def test_all_parties_answer_and_a_turn_goes_to_redis_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One party is served by two processes. Of the others the second is the first again: each takes long to start."""
    begun: dict[tuple[str, ...], Party] = {}

    @contextmanager
    def once(name: str, command: list[str], *options: Any) -> Iterator[Party]:
        key = (name, *command)
        if name != served.OFFLINE and key in begun:
            yield begun[key]
        else:
            with process(name, command, *options) as begun[key]:
                yield begun[key]

    monkeypatch.setattr(served, "serving", once)
    questions = [question.text for question in read_questions(QUESTIONS)][: 2 * served.TURNS]
    rows = served.run(tmp_path, questions, clients=(4,), processes=2, slices=1, seconds=1.0)
    names = [served.FLOOR, served.OFFLINE, served.INSTANT]
    several = {name: f"{name}, 2 processes" for name in names}
    parties = [served.FLOOR, several[served.FLOOR], served.BARE]
    parties += [name for one in names[1:] for name in (one, several[one])]
    assert [(row.clients, row.name) for row in rows] == [(4, name) for name in parties]
    assert all(row.rate > 0 and row.cpu > 0 and 0 < row.p50 <= row.p99 for row in rows)
    assert {row.of_floor for row in rows if row.name == served.FLOOR} == {1.0}
    # At times each of four applications also asks which sessions have ended: ten requests, beside few turns at times.
    assert all(1.8 <= row.round_trips <= 2 + max(0.8, 4 * 10 / (row.rate + 4)) for row in rows)
    json.dumps([asdict(row) for row in rows])


def test_a_turn_that_ends_too_late_is_no_part_of_the_rate() -> None:
    """With a hundred clients each window had a hundred of them."""

    async def chat(request: Request) -> JSONResponse:
        late = (await request.json())["message"] == "late?"
        await asyncio.sleep(1.5 if late else 0)
        return JSONResponse({"answer": "yes", "model": "m", "session": request.cookies.get("s", "s"), "turn": 1 + late})

    with serving(Starlette(routes=[Route("/api/chat", chat, methods=["POST"])])) as address:
        job = Job("app", [int(address.rpartition(":")[2])], 1, [["soon?", "late?"]], seconds=1.0)
        result = asyncio.run(perform(job, {}))
    assert not result.wrong
    assert (len(result.latencies), result.in_time) == (2, 1)
    party: Any = SimpleNamespace(name="app", processor_seconds=0.0)
    client: Any = SimpleNamespace(info=lambda _: {"total_reads_processed": 0})
    row = served._slice(lambda *_: result, client, party, 1, 2.0)
    assert row.rate == 0.5
    assert row.p99 > 1
    result.in_time = 0
    with pytest.raises(CrosswireError, match="app: no answer within 2 s"):
        served._slice(lambda *_: result, client, party, 1, 2.0)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"answer": ""}, "'m: ' instead of 'm: yes'"),
        ({"session": "everybody's"}, "a new visitor got the session everybody's of another one"),
        ({"turn": 7}, "turn 1 of s0 became 7 of s0"),
        ({"answer": "something else"}, "'m: something else' instead of 'm: yes'"),
    ],
)
def test_a_wrong_answer_is_told(fault: dict[str, object], told: str) -> None:
    asked: list[str] = []

    async def chat(request: Request) -> JSONResponse:
        asked.append((await request.json())["message"])
        right = {"answer": "yes", "model": "m", "session": f"s{len(asked) - 1}", "turn": 1}
        return JSONResponse({**right, **fault})

    with serving(Starlette(routes=[Route("/api/other", chat, methods=["POST"])])) as address:
        job = Job("app", [int(address.rpartition(":")[2])], 1, [["one?"], ["two?"]], "/api/other")
        result = asyncio.run(perform(job, {(0, 0): "m: yes", (1, 0): "m: yes"}))
    assert asked
    assert any(told in wrong for wrong in result.wrong)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        ({}, ""),
        ({"answer": ""}, "turn 1 of  became 1"),
        ({"session": "another"}, "turn 2 of s became 2 of another"),
        ({"turn": 3}, "turn 2 of s became 3 of s"),
    ],
)
def test_pressure_counts_answers_and_refusals_and_tells_what_is_neither(answer: dict[str, object], wrong: str) -> None:
    turns = itertools.count(1)

    async def chat(request: Request) -> JSONResponse:
        number = next(turns)
        if number > 2 or (await request.json())["message"] != "why?":
            return JSONResponse({"title": "busy"}, 503, {"Retry-After": "2"} if number < 10 else {})
        fault = answer if number == 2 or "answer" in answer else {}
        return JSONResponse({"answer": "yes", "session": "s", "turn": number, **fault})

    with serving(Starlette(routes=[Route("/api/chat", chat, methods=["POST"])])) as address:
        job = pressure.Job(int(address.rpartition(":")[2]), 1, 0, ["why?"], 0, 20)
        result = asyncio.run(pressure.perform(job))
    assert wrong or (len(result.answered), len(result.refused)) == (2, 7)
    # A refusal that does not say when to come back is none.
    assert result.wrong[0].startswith(wrong or "status 503")


def test_questions_come_however_long_their_answers_take() -> None:
    """Two browsers that waited for their answers would wait for ever."""
    waiting, enough = itertools.count(1), asyncio.Event()

    async def chat(_: Request) -> JSONResponse:
        if next(waiting) >= 20:
            enough.set()
        await enough.wait()
        return JSONResponse({}, 500)

    with serving(Starlette(routes=[Route("/api/chat", chat, methods=["POST"])])) as address:
        job = pressure.Job(int(address.rpartition(":")[2]), 2, 200, ["why?"], 0, 60)
        result = asyncio.run(pressure.perform(job))
    assert result.wrong[0].startswith("status 500")
    assert result.browsers >= 20
    assert result.asked >= 20


def test_what_can_be_answered_is_found_out_of_a_server_that_refuses_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[dict[str, str]] = []
    jobs: list[tuple[int, pressure.Job]] = []
    refused: list[float] = []

    @contextmanager
    def party(name: str, command: list[str], folder: Path, *more: dict[str, str]) -> Iterator[SimpleNamespace]:
        servers.append(more[0] if more else {})
        yield SimpleNamespace(port=len(servers))

    @contextmanager
    def asking() -> Iterator[Callable[[pressure.Job], pressure.Result]]:
        def ask(job: pressure.Job) -> pressure.Result:
            jobs.append((job.port, job))
            return pressure.Result(400, [0.01] * 400, refused)

        yield ask

    monkeypatch.setattr(overload, "serving", party)
    monkeypatch.setattr(overload, "_asking", asking)
    rows = overload.run(tmp_path, ["why?"], wait=0.1, seconds=4)
    assert servers == [{}, {"LIMIT_WAIT_SECONDS": "0.1"}], "what `serving` sets has no limit"
    assert {job.rate for port, job in jobs if port == 1} == {0}
    assert [job.rate for port, job in jobs if port == 2][-3:] == [50, 100, 200]
    assert [row.load for row in rows] == [0.5, 1.0, 2.0]
    refused.append(0.001)
    with pytest.raises(CrosswireError, match="400 questions were answered and 1 refused"):
        overload.run(tmp_path, ["why?"], seconds=4)


def test_one_run_follows_another_and_an_idle_window_is_no_figure() -> None:
    """The live part asks for the whole page as its run ends, and is asked for no more: nothing would answer."""
    begun, ended, over = ForwardMsg(), ForwardMsg(), ForwardMsg()
    begun.auto_rerun.fragment_id = "live"
    ended.script_finished = ForwardMsg.FINISHED_EARLY_FOR_RERUN
    over.delta.new_element.button.label, over.delta.new_element.button.id = "Run again", "again"

    class Scripted(Tab):
        def __init__(self) -> None:
            self.buttons, self.live, self.query = {}, "", ""
            self.asked: list[str] = []

        def draw(self, press: str = "", fragment: str = "") -> None:
            self.asked.append(press or fragment)
            for message in {"again": [ended, begun], "live": [ended, over]}.get(press or fragment, [over]):
                assert not self.heard(message)

    owner, tab = Owner(0), Scripted()
    owner.end()  # no pause between two looks
    seen = []
    for _ in range(5):
        owner.step(tab)
        seen.append(owner.running.is_set())
    assert tab.asked == ["", "again", "live", "again", "live"]
    assert seen == [False, True, False, True, False]
    assert owner.runs == 2
    lines = [{"page": "home", "seconds": 9.0, "during": False}, {"page": "chat", "seconds": 1.0, "during": True}]
    assert pages.row(pages.BUSY, lines, {"runs": 2, "problem": ""}).p95 == 1.0
    for problem in ("", "The owner of the runs: OSError: gone"):
        with pytest.raises(CrosswireError, match="while a run went on"):
            pages.row(pages.BUSY, lines[: 2 if problem else 1], {"runs": 1, "problem": problem})


@pytest.mark.parametrize(
    ("module", "job", "counted"),
    [
        (load, load.Job("nobody", [], 0, [["why?"]]), "in_time"),
        (pressure, pressure.Job(9, 0, 0, ["why?"], 0, 0), "asked"),
    ],
)
def test_a_load_process_answers_each_job_with_a_line(
    module: Any, job: Any, counted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(2 * f"{json.dumps(asdict(job))}\n"))
    module.main()
    results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one[counted], one["wrong"]) for one in results] == [(0, []), (0, [])]
