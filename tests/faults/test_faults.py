"""The second opinion finds what is wrong; and the densest faults of `make soak`, on one process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from rag.crosstalk.log.events import Event, History, Info, Invoke, Message, Ok
from tests.chat.faulty_server import Handler, faulty_server, no_response, well
from tests.faults import cancelling
from tests.faults.page import rows
from tests.faults.redis_faults import FAULTS
from tests.faults.run import Crowd, Outcome, run
from tests.faults.verdict import Verdict, judge
from tests.faults.world import asyncio_chat, balancer, world
from tests.servers import free_port, wait_for

MINE, THEIRS = "LK-7Q2M-X9PD-4TRW8B", "LK-QQ3V-88HZ-MN5K2C"
ASKED, ANSWERED = f"Note 1: my order is {MINE}.", "Noted."
BEGUN: tuple[Event, ...] = (
    Invoke(1, "ada", "ada", 0.0, ASKED, plants=(MINE,)),
    Ok(1, 0.5, ANSWERED),
    Invoke(2, "ben", "ben", 1.0, f"Note 1: my order is {THEIRS}.", plants=(THEIRS,)),
    Info(2, 1.5, "503"),
    History("ben", 3.0, ()),
)


def _after(*stored: tuple[str, str]) -> Verdict:
    return judge([*BEGUN, History("ada", 3.0, tuple(Message(role, text) for role, text in stored))])


@pytest.mark.parametrize(
    ("stored", "wrong"),
    [
        ([("user", ASKED), ("assistant", ANSWERED)], None),
        ([("user", ASKED), ("assistant", ANSWERED), ("user", "again"), ("assistant", "yes")], None),
        ([], "lost"),
        ([("user", ASKED), ("assistant", "Something else.")], "lost"),
        ([("user", ASKED), ("assistant", ANSWERED)] * 2, "doubled"),
        ([("user", ASKED), ("assistant", ANSWERED), ("user", ASKED), ("assistant", "Noted again.")], "doubled"),
        ([("user", ASKED), ("assistant", ANSWERED), ("user", "again")], "torn"),
        ([("user", ASKED), ("assistant", ANSWERED), ("user", THEIRS), ("assistant", "yes")], "foreign"),
    ],
)
def test_each_kind_is_found_and_a_right_one_is_not_accused(
    stored: Sequence[tuple[str, str]], wrong: str | None
) -> None:
    verdict = _after(*stored)
    assert (verdict.acknowledged, verdict.unread, verdict.recalled) == (1, 0, 0)
    assert verdict.broken() == (wrong is not None)
    if wrong:
        assert getattr(verdict, wrong)
    assert verdict.broken(forgets=True) == (wrong not in (None, "lost"))


def test_an_answer_with_anothers_order_is_found_by_both_and_what_was_not_read_proves_nothing() -> None:
    leaked = judge([*BEGUN, Invoke(3, "ada", "ada", 2.0, "What?"), Ok(3, 2.5, f"It is {THEIRS}.")])
    assert leaked.foreign == 1
    assert leaked.leaks
    assert (leaked.unread, judge(BEGUN[2:]).acknowledged) == (1, 0)
    assert judge(BEGUN[2:]).broken()


@pytest.mark.parametrize(
    ("signs", "recalled", "recovered", "held"),
    [(1, 1, (0.1, 0.2), True), (0, 1, (0.1, 0.2), False), (1, 0, (0.1, 0.2), False), (1, 1, None, False)],
)
def test_what_was_not_seen_to_happen_or_could_not_have_leaked_is_not_shown(
    signs: int, recalled: int, recovered: tuple[float, float] | None, held: bool
) -> None:
    verdict = Verdict(1, 0, 0, 0, 0, 0, {}, recalled)
    outcome = Outcome(FAULTS[0], signs, 0, verdict, Counter({"503": 2}), Counter(), 0, recovered)
    figures, words = rows(outcome)
    assert outcome.held == held
    assert ("not shown" in figures) == (not signs or not recalled)
    assert ("never" in figures) == (recovered is None)
    assert "2× 503" in words


def test_nginx_asks_a_question_once_though_a_replica_died_over_it(tmp_path: Path) -> None:
    """It may have been stored: asked of another replica, it would be there twice. What was not sent is asked again."""
    with faulty_server() as first, faulty_server() as second:
        first.always = second.always = no_response
        with balancer(tmp_path, [first.server_address[1], second.server_address[1]]) as site:
            assert httpx.post(f"{site}/api/chat", json={"message": "once"}).status_code == 502
        assert [one["message"] for one in (*first.seen, *second.seen)] == ["once"]
        first.always = second.always = well
        (tmp_path / "down").mkdir()
        with balancer(tmp_path / "down", [free_port(), second.server_address[1]]) as site:
            assert [httpx.post(f"{site}/api/chat", json={}).status_code for _ in range(4)] == [200] * 4


def test_a_replica_that_has_just_come_is_asked_by_all_though_its_first_answer_takes_long(tmp_path: Path) -> None:
    """The one before is gone meanwhile: whoever waited for that first answer would be told 502."""
    comes, answered = free_port(), threading.Event()

    def ask() -> int:
        return httpx.post(f"{site}/api/chat", json={}, timeout=30).status_code

    def first(handler: Handler) -> None:
        answered.wait(30)
        parting(handler)

    with faulty_server() as before, balancer(tmp_path, [comes, before.server_address[1]]) as site:
        before.always = parting
        assert [ask() for _ in range(4)] == [200] * 4
        with faulty_server(comes) as came, ThreadPoolExecutor(1) as asking:
            came.always = parting
            came.faults.append(first)
            until_it_came = asking.submit(lambda: [ask() for _ in iter(lambda: bool(came.seen), True)])
            wait_for(lambda: came.seen, "a question for the one that came", 30)
            before.shutdown()
            before.server_close()
            try:
                assert [ask() for _ in range(4)] == [200] * 4
            finally:
                answered.set()
            assert set(until_it_came.result(30)) == {200}


def parting(handler: Handler) -> None:
    """It keeps no connection."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def test_what_visitors_keep_while_redis_fails(tmp_path: Path) -> None:
    names = {"killed, started again", "scripts flushed, again and again", "replies cut off, five a second"}
    with world("Redis", tmp_path, replicas=1) as made, Crowd(made, users=3) as crowd:
        for fault in FAULTS:
            if fault.name in names:
                outcome = run(fault, made, crowd, seconds=0.5)
                assert outcome.held, rows(outcome)
                names.remove(fault.name)
    assert not names


@pytest.mark.parametrize("ours", [True, False])
def test_a_command_cancelled_at_any_await_leaves_its_reply_to_nobody(tmp_path: Path, ours: bool) -> None:
    """Ours never; and a chat over connections as redis-py had them up to 4.5.3 is found out."""
    (fault,) = cancelling.FAULTS
    with asyncio_chat(tmp_path, ours=ours) as made, Crowd(made, users=8) as crowd:
        outcome = run(fault, made, crowd, seconds=1.5)
        tries = 10  # who gets whose reply is chance
        while outcome.held and not ours and (tries := tries - 1):
            outcome = run(fault, made, crowd, seconds=1.5)
    assert outcome.shown
    assert made.chat is not None
    assert made.chat.cancelled.keys() >= {1, 2, 3, 4}  # what is sent and what is read, of a turn's two round trips
    assert outcome.held == ours, rows(outcome)
    assert bool(outcome.verdict.leaks and outcome.verdict.foreign) != ours
