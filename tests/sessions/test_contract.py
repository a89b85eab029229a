"""What every store does, on every server, plain and sealed, sync and async."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from itertools import count
from time import time
from typing import cast

import pytest
import redis
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.errors import BadSessionId, CredentialEnded, CrosswireError, NewerCookie, TurnBusy, TurnLost
from rag.sessions import Replication
from rag.sessions.connection.connect import Client
from rag.sessions.ids import SessionId
from rag.sessions.names import friendly_name
from rag.sessions.protocol import scripts
from rag.sessions.revocations import Credential
from tests.servers import wait_for
from tests.sessions.backends import AnyStore, Backend

LOOKALIKES = ("alice", "Alice", "ALICE", "alice,bob", "bob", "a:b", "{a}", "a", "*", "é", "e\u0301", "а", "a%7B", "%")
"""Ids that are easily taken for one another: by case, by separators, as patterns, as normal forms, as Cyrillic."""


def pair(number: int) -> list[BaseMessage]:
    return [HumanMessage(f"question {number}"), AIMessage(f"answer {number}")]


def texts(messages: list[BaseMessage]) -> list[str]:
    return [message.text for message in messages]


def say(store: AnyStore, sid: str, *numbers: int) -> None:
    for number in numbers:
        with store.turn(sid, wait=0) as turn:
            turn.commit(pair(number))


def test_a_session_that_never_was(store: AnyStore, sid: str) -> None:
    assert store.messages(sid) == []
    assert store.records(sid) == []
    assert store.info(sid) is None
    assert store.ttl(sid) is None
    assert store.live([sid]) == set()
    assert store.clear(sid) is False
    assert store.expire_now(sid) is False


def test_turns_in_order_each_seeing_those_before(store: AnyStore, sid: str) -> None:
    said: list[BaseMessage] = []
    for number in (1, 2, 3):
        with store.turn(sid) as turn:
            assert turn.messages == said
            assert turn.commit(pair(number)) == turn.number == number
        said += pair(number)
    assert store.messages(sid) == said


def test_records_say_when_which_turn_and_from_what(store: AnyStore, sid: str) -> None:
    before = time()
    with store.turn(sid) as turn:
        turn.commit(pair(1), documents=["returns#1", "returns#2"], model="m", title="About returns")
    say(store, sid, 2)
    records = store.records(sid)
    assert [record.turn for record in records] == [1, 1, 2, 2]
    assert [record.documents for record in records] == [(), ("returns#1", "returns#2"), (), ()]
    assert all(record.session_id == sid for record in records)
    assert all(before - 0.01 <= record.at <= time() + 0.01 for record in records)


def test_what_is_known_of_a_session(store: AnyStore, sid: str) -> None:
    with store.turn(sid) as turn:
        turn.commit(pair(1), model="m", title="First")
    with store.turn(sid) as turn:
        turn.commit(pair(2), model="n", title="Second")
    info = store.info(sid)
    assert info is not None
    assert (info.id, info.turns, info.messages, info.title, info.model) == (sid, 2, 4, "First", "n")
    assert time() - 60 < info.created <= info.last_seen <= time() + 0.01
    assert info.ttl is not None
    assert 3500 < info.ttl <= 3600


def test_a_block_left_without_commit_stores_nothing(store: AnyStore, sid: str) -> None:
    with store.turn(sid):
        pass
    with pytest.raises(ZeroDivisionError), store.turn(sid, wait=0):
        raise ZeroDivisionError
    assert store.messages(sid) == []
    say(store, sid, 1)
    assert len(store.messages(sid)) == 2


def test_a_turn_begins_only_while_the_cookie_of_whoever_asks_counts(
    backend: Backend, store: AnyStore, sid: str
) -> None:
    for generation in (0, 1):
        with store.turn(sid, wait=0, credential=Credential("b", generation)) as turn:
            turn.commit(pair(1))
    backend.raw.set(f"{backend.prefix}cookies:b", 1)
    before = backend.dumped(sid)
    with pytest.raises(CredentialEnded), store.turn(sid, wait=0, credential=Credential("b", 0)):
        pass
    assert backend.dumped(sid) == before  # nor is the session held, not for a moment
    for still in (Credential("b", 1), Credential("b", 2), Credential("another", 0)):
        with store.turn(sid, wait=0, credential=still) as turn:
            turn.commit(pair(2))
    backend.raw.set(f"{backend.prefix}cookies:b", "2;of a later version")
    before = backend.dumped(sid)
    with pytest.raises(NewerCookie), store.turn(sid, wait=0, credential=Credential("b", 5)):
        pass
    assert backend.dumped(sid) == before


def test_one_commit_a_turn_and_never_an_empty_one(store: AnyStore, sid: str) -> None:
    with store.turn(sid) as turn:
        with pytest.raises(ValueError, match="at least one message"):
            turn.commit([])
        turn.commit(pair(1))
        with pytest.raises(ValueError, match="committed already"):
            turn.commit(pair(2))
    assert texts(store.messages(sid)) == ["question 1", "answer 1"]


def test_a_message_that_json_cannot_hold_stores_nothing(store: AnyStore, sid: str) -> None:
    with pytest.raises(TypeError), store.turn(sid) as turn:
        turn.commit([HumanMessage("fine"), AIMessage("not", additional_kwargs={"it": object()})])
    assert store.messages(sid) == []
    say(store, sid, 1)


def test_another_turn_of_the_session_is_told_that_it_has_to_wait(store: AnyStore, backend: Backend, sid: str) -> None:
    other, told = backend.open(), []
    with store.turn(sid) as turn:
        for party in (store, other):
            with pytest.raises(TurnBusy), party.turn(sid, wait=0):
                pass
            with pytest.raises(TurnBusy), party.turn(sid, wait=0.05, on_wait=lambda: told.append(1)):
                pass
        assert len(told) == 2
        say(other, f"{sid}-another", 1)
        turn.commit(pair(1))
    say(other, sid, 2)
    assert texts(store.messages(sid)) == ["question 1", "answer 1", "question 2", "answer 2"]


def test_readers_do_not_wait(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    with store.turn(sid) as turn:
        assert texts(backend.open().messages(sid)) == ["question 1", "answer 1"]
        turn.commit(pair(2))


def test_every_key_of_a_session_expires_together(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1, 2)
    store.set_summary(sid, "They asked two questions.", 2)
    with store.turn(sid):
        with pytest.raises(TurnBusy), store.turn(sid, wait=0.02):
            pass
        held = backend.left(sid)
        assert min(held.values()) > 0, held
    left = backend.left(sid)
    assert len(left) == 2
    assert all(3_590_000 < ttl <= 3_600_000 for ttl in left.values()), left


def test_the_time_to_live_slides_on_every_turn(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    writes: list[Callable[[], object]] = [lambda: say(store, sid, 2), lambda: store.touch(sid)]
    for write in writes:
        backend.expire(sid, 60_000)
        write()
        left = backend.left(sid)
        assert len(left) == 2
        assert min(left.values()) > 3_590_000, left


def test_clear_is_of_one_session_only(store: AnyStore, backend: Backend) -> None:
    for number, sid in enumerate(LOOKALIKES):
        say(store, sid, number)
    for number, sid in enumerate(LOOKALIKES):
        assert texts(store.messages(sid)) == [f"question {number}", f"answer {number}"]
    rest = list(LOOKALIKES)
    while rest:
        gone = rest.pop(0)
        others = backend.dumped(*rest)
        assert store.clear(gone) is True
        assert backend.keys(gone) == set()
        assert backend.dumped(*rest) == others
        assert store.live(LOOKALIKES) == set(rest)


@pytest.mark.parametrize("bad", ["", "a\nb", "x" * 129, "\x00", "a\u2028b", "\ud800"])
def test_what_is_no_id_is_refused_everywhere(store: AnyStore, bad: str) -> None:
    for call in (store.messages, store.records, store.info, store.ttl, store.clear, store.touch):
        with pytest.raises(BadSessionId):
            call(bad)
    with pytest.raises(BadSessionId), store.turn(bad):
        pass
    with pytest.raises(BadSessionId):
        store.live(["fine", bad])


def test_a_turn_that_was_cleared_meanwhile_is_not_stored(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    with store.turn(sid) as turn:
        assert backend.open().clear(sid) is True
        with pytest.raises(TurnLost):
            turn.commit(pair(2))
    assert store.messages(sid) == []
    assert store.info(sid) is None
    say(store, sid, 3)
    assert texts(store.messages(sid)) == ["question 3", "answer 3"]


def test_a_first_turn_that_was_cleared_meanwhile_is_not_stored(store: AnyStore, backend: Backend, sid: str) -> None:
    with store.turn(sid) as turn:
        backend.open().clear(sid)
        with pytest.raises(TurnLost):
            turn.commit(pair(1))
    assert store.messages(sid) == []


def test_who_comes_back_late_is_fenced_off(backend: Backend, sid: str) -> None:
    slow, quick = backend.open(), backend.open()
    with slow.turn(sid) as turn:
        backend.forget(sid)
        say(quick, sid, 1)
        with pytest.raises(TurnLost):
            turn.commit(pair(2))
    assert texts(quick.messages(sid)) == texts(slow.messages(sid)) == ["question 1", "answer 1"]


def test_who_is_fenced_off_does_not_free_the_next_holder(backend: Backend, sid: str) -> None:
    slow, quick = backend.open(), backend.open()
    with contextlib.ExitStack() as late:
        late.enter_context(slow.turn(sid))
        backend.forget(sid)
        with quick.turn(sid) as turn:
            late.close()
            with pytest.raises(TurnBusy), slow.turn(sid, wait=0):
                pass
            turn.commit(pair(1))


def test_processes_see_each_others_turns_and_clears(backend: Backend, sid: str) -> None:
    here, there = backend.open(), backend.open()
    for number in range(1, 7):
        say(here if number % 2 else there, sid, number)
    expected = [text for number in range(1, 7) for text in texts(pair(number))]
    assert texts(here.messages(sid)) == texts(there.messages(sid)) == expected
    there.clear(sid)
    assert here.messages(sid) == []
    say(there, sid, 1)
    assert texts(here.messages(sid)) == ["question 1", "answer 1"]
    here.expire_now(sid)
    say(here, sid, 1, 2, 3)
    assert len(there.messages(sid)) == 6


def test_a_history_that_expired_is_not_remembered(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1, 2)
    backend.forget(sid)
    with store.turn(sid) as turn:
        assert turn.messages == []
        turn.commit(pair(3))
    assert texts(store.messages(sid)) == ["question 3", "answer 3"]


def test_what_callers_do_to_their_messages_reaches_nobody_else(store: AnyStore, sid: str) -> None:
    given = pair(1)
    with store.turn(sid) as turn:
        turn.commit(given)
    given[0].content = "changed after commit"
    with store.turn(sid) as turn:
        turn.messages[0].content = "changed in a turn"
        turn.messages.clear()
    found = store.messages(sid)
    found[0].content = "changed after reading"
    found.clear()
    assert texts(store.messages(sid)) == ["question 1", "answer 1"]
    with store.turn(sid) as turn:
        assert texts(turn.messages) == ["question 1", "answer 1"]


def test_whole_turns_are_trimmed(backend: Backend, sid: str) -> None:
    store, other = backend.open(max_turns=2), backend.open(max_turns=2)
    uneven = [HumanMessage("q"), AIMessage("call"), AIMessage("answer")]
    assert other.messages(sid) == []
    with store.turn(sid) as turn:
        turn.commit(uneven)
    assert texts(other.messages(sid)) == ["q", "call", "answer"]
    for number in range(2, 6):
        say(store, sid, number)
        expected = [*texts(pair(number - 1))] if number > 2 else ["q", "call", "answer"]
        assert texts(store.messages(sid)) == texts(other.messages(sid)) == [*expected, *texts(pair(number))]
    info = store.info(sid)
    assert info is not None
    assert (info.turns, info.messages, info.trimmed) == (5, 4, 7)
    assert [record.turn for record in store.records(sid)] == [4, 4, 5, 5]


def test_a_session_is_there_once_it_is_touched(store: AnyStore, backend: Backend, sid: str) -> None:
    store.touch(sid)
    assert store.live([sid]) == {sid}
    assert (store.info(sid) or pytest.fail("no session")).turns == 0
    assert min(backend.left(sid).values()) > 0
    say(store, sid, 1)
    assert len(store.messages(sid)) == 2


def test_append_is_a_turn(store: AnyStore, sid: str) -> None:
    store.append(sid, pair(1))
    store.append(sid, [AIMessage("one more")])
    assert [record.turn for record in store.records(sid)] == [1, 1, 2]


def test_how_long_a_session_lives_can_be_changed(store: AnyStore, backend: Backend, sid: str) -> None:
    assert (store.extend(sid, 9000), store.pin(sid), store.unpin(sid)) == (False, False, False)
    say(store, sid, 1)

    def left() -> set[float]:
        return {round(left / 1000, -2) for left in backend.left(sid).values()}

    assert store.extend(sid, 9000) is True
    assert left() == {9000}
    say(store, sid, 2)
    assert left() == {9000}
    assert store.pin(sid) is True
    say(store, sid, 3)
    assert set(backend.left(sid).values()) == {-1}
    assert store.ttl(sid) is None
    assert store.unpin(sid) is True
    assert left() == {3600}
    assert store.expire_now(sid) is True
    assert backend.keys(sid) == set()
    with pytest.raises(ValueError, match="1 to 315360000 seconds: use expire_now to end"):
        store.extend(sid, 0)


def test_a_summary_is_stored_with_the_session(store: AnyStore, backend: Backend, sid: str) -> None:
    assert store.set_summary(sid, "nobody", 1) is False
    say(store, sid, 1)
    assert store.set_summary(sid, "They asked one question.", 1) is True
    with backend.open().turn(sid) as turn:
        assert turn.summary == "They asked one question."
        turn.commit(pair(2), summary=("They asked two.", 2))
    info = store.info(sid)
    assert info is not None
    assert (info.summary, info.summary_turns) == ("They asked two.", 2)


def test_what_others_put_there_is_set_aside(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    say(store, f"{sid}-other", 7)
    foreign = cast(bytes, backend.raw.lindex(backend.history(f"{sid}-other"), 0))
    bad = [b"{", b"\xff\xfe", b"[1]", b'{"session_id":"x"}', foreign]
    for element in bad:
        backend.raw.rpush(backend.history(sid), element)
    fresh = backend.open()
    with fresh.turn(sid) as turn:
        assert texts(turn.messages) == ["question 1", "answer 1"]
        turn.commit(pair(2))
    say(store, sid, 3)
    expected = [text for number in (1, 2, 3) for text in texts(pair(number))]
    assert texts(fresh.messages(sid)) == texts(store.messages(sid)) == expected
    aside = fresh.quarantined(sid)
    assert sorted(one.raw for one in aside) == sorted(bad)
    assert sorted({one.reason for one in aside}) == ["corrupt", "foreign"]
    assert (fresh.info(sid) or pytest.fail("no session")).quarantined == len(bad)
    assert min(backend.left(sid).values()) > 0
    assert texts(fresh.messages(f"{sid}-other")) == texts(pair(7))


def test_keys_of_a_wrong_type_are_moved_away(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    for key in backend.keys(sid):
        backend.raw.delete(key)
        backend.raw.set(key, "what is this")
    fresh = backend.open()
    assert fresh.messages(sid) == []
    say(fresh, sid, 2)
    say(store, sid, 3)
    assert texts(fresh.messages(sid)) == [*texts(pair(2)), *texts(pair(3))]
    assert min(backend.left(sid).values()) > 0


def test_errors_are_ours_and_one_line(store: AnyStore, sid: str) -> None:
    with store.turn(sid), pytest.raises(CrosswireError) as busy, store.turn(sid, wait=0):
        pass
    assert "\n" not in str(busy.value)
    store.ping()


def test_live_sessions_are_listed_found_and_counted(backend: Backend, sid: str) -> None:
    store = backend.open(clock=partial(next, count(time())))  # no two turns at the same time
    ids = [f"{sid}-{number}" for number in range(3)]
    for number, one in enumerate(ids):
        say(store, one, number)
    with store.turn(ids[0]) as turn:
        turn.commit(pair(9), title="Newest")
    store.pin(ids[0])
    directory = store.directory
    assert directory.count() == 3
    newest = [ids[0], ids[2], ids[1]]
    assert [row.info.id for row in directory.page().rows] == newest
    page = directory.page(1, 2, "newest")
    assert ([row.info.id for row in page.rows], page.start, page.total) == (newest[1:], 1, 3)
    assert [row.info.id for row in directory.page(order="oldest").rows] == newest[::-1]
    assert directory.page(order="lasting").rows[0].info.id == ids[0]
    row = directory.page().rows[0]
    assert (row.info.title, row.info.turns, row.info.messages) == ("Newest", 2, 4)
    assert [one.pinned for one in directory.rows([SessionId(one) for one in (*ids, f"{sid}-none")])] == [1, 0, 0]
    assert sorted(row.info.id for row in directory.find(sid)) == ids
    assert [row.info.id for row in directory.find(ids[2])] == ids[2:]
    assert [row.info.id for row in directory.find(friendly_name(ids[2]).upper())] == ids[2:]
    assert directory.find("") == directory.find(f"{sid}-none") == []


def test_ended_sessions_leave_the_list(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    say(store, f"{sid}-cleared", 1)
    say(store, f"{sid}-gone", 1)
    store.clear(f"{sid}-cleared")
    backend.forget(f"{sid}-gone")
    backend.raw.zadd(store.protocol.keys.live, {b"no\nid": 1})
    assert [row.info.id for row in store.directory.page().rows] == [sid]
    assert (store.directory.count(), store.directory.sweep()) == (1, [])
    later = backend.open(clock=lambda: time() + 7200)
    backend.forget(sid)
    assert later.directory.sweep() == [sid]
    assert later.directory.count() == 0


def test_what_is_done_is_recorded(store: AnyStore, backend: Backend, sid: str) -> None:
    say(store, sid, 1)
    store.pin(sid)
    store.audit.add("view", sid, "anna", form="json")
    backend.raw.rpush(backend.history(sid), b"{")
    assert texts(backend.open().messages(sid)) == texts(pair(1))
    wait_for(lambda: store.audit.counts() == {"crosstalk": 0, "quarantined": 1}, "it is counted")
    wait_for(lambda: len(store.audit.read()) == 3, "it is recorded")
    entries = store.audit.read()
    assert sorted((one.what, one.who) for one in entries) == [
        ("pin", "inspector"),
        ("quarantine", "session"),
        ("view", "anna"),
    ]
    (view,) = (one for one in entries if one.what == "view")
    assert (view.session, view.more) == (sid, {"form": "json"})
    assert abs(view.at - time()) < 60
    assert store.audit.read(2) + store.audit.read(5, before=store.audit.read(2)[-1].id) == entries


def test_a_session_as_langchain_knows_it(store: AnyStore, sid: str) -> None:
    history = store.history(sid)
    assert history.messages == []
    history.add_messages(pair(1))
    history.add_messages([])
    history.add_messages(pair(2))
    assert texts(history.messages) == texts(store.messages(sid)) == [*texts(pair(1)), *texts(pair(2))]
    assert [record.turn for record in store.records(sid)] == [1, 1, 2, 2]
    history.clear()
    assert store.messages(sid) == history.messages == []


def test_a_turn_that_waits_for_replicas(backend: Backend, sid: str) -> None:
    """In the commit's own round trip; the turn says how many have it."""
    has_one = "sentinel" in backend.url
    store = backend.open(replication=Replication(wait=1, seconds=1.0 if has_one else 0.02))
    backend.raw.script_load(scripts.COMMIT.source)
    before = waits(backend.raw)
    turns = (1, 2) if has_one else (1,)
    for number in turns:
        with store.turn(sid) as turn:
            turn.commit(pair(number))
        assert turn.replicas == int(has_one)
    with store.turn(sid):
        pass
    assert len(store.messages(sid)) == 2 * len(turns)
    assert waits(backend.raw) == before + len(turns)
    with backend.open().turn(sid) as turn:
        turn.commit(pair(3))
    assert turn.replicas is None
    assert waits(backend.raw) == before + len(turns)
    with store.turn(sid) as turn:
        backend.raw.script_flush()  # the commit is asked for again, in full
        turn.commit(pair(4))
    assert turn.replicas == int(has_one)
    assert texts(store.messages(sid)) == [text for number in (*turns, 3, 4) for text in texts(pair(number))]


def waits(raw: Client) -> int:
    """How many WAIT commands the server has had."""
    if isinstance(raw, redis.RedisCluster):
        nodes = list(raw.info("commandstats", target_nodes="primaries").values())
    else:
        nodes = [raw.info("commandstats")]
    return sum(int(node.get("cmdstat_wait", {"calls": 0})["calls"]) for node in nodes)
