"""Token buckets over every server: who is within a limit is never refused, and who is over it always is."""

from __future__ import annotations

import math
import random
from typing import Any
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import CredentialEnded, OverLimit
from rag.sessions.allowance import Allowance, Bucket
from rag.sessions.revocations import Credential
from tests.sessions.backends import AnyStore, Backend

SECOND = 1_000_000
"""In microseconds."""


def own(most: int = 3, every: int = 600 * SECOND) -> Bucket:
    return Bucket("turns:a", "session_turns", every, most)


def shared(most: int = 5, every: int = 600 * SECOND) -> Bucket:
    return Bucket("turns", "address_turns", every, most)


def granted(store: AnyStore, allowance: Allowance) -> str:
    """Why not, or nothing."""
    try:
        store.charge(allowance)
    except OverLimit as refused:
        return refused.reason
    return ""


def lives(backend: Backend) -> list[int]:
    """Milliseconds of each key that this test has."""
    return [backend.raw.pttl(key) for key in sorted(backend.keys())]


def moved(backend: Backend, seconds: float) -> None:
    """As if so much time had passed, for every bucket of this test."""
    for key in sorted(backend.keys()):
        if ":limit:" in f":{key.removeprefix(backend.prefix)}":
            full, left = int(backend.raw.get(key) or 0), backend.raw.pttl(key)
            if (left := int(left - seconds * 1000)) > 0:
                backend.raw.set(key, round(full - seconds * SECOND), px=left)
            else:
                backend.raw.delete(key)


def test_a_refusal_charges_no_bucket_and_says_when_to_come_back(store: AnyStore, backend: Backend) -> None:
    both = Allowance(uuid4().hex, (own(), shared()))
    assert [granted(store, both) for _ in range(50)] == [""] * 3 + ["session_turns"] * 47
    # The 47 refused took nothing from the others of that address.
    others = Allowance(both.whose, (own(9)._replace(name="turns:b"), shared()))
    assert [granted(store, others) for _ in range(4)] == ["", "", "address_turns", "address_turns"]
    with pytest.raises(OverLimit) as caught:
        store.charge(both)
    assert 590 < caught.value.retry_after <= 600
    assert str(caught.value) == f"Too many questions in a short time. Nothing was saved; try again in {600} s."
    moved(backend, 590)
    assert granted(store, both) == "session_turns"
    moved(backend, 10)
    assert [granted(store, both) for _ in range(2)] == ["", "session_turns"]


def test_no_key_lasts_longer_than_its_bucket_takes_to_be_full(store: AnyStore, backend: Backend) -> None:
    allowance = Allowance(uuid4().hex, (own(2, 10 * SECOND), shared(4, SECOND)))
    assert granted(store, allowance) == ""
    assert sorted(math.ceil(left / 1000) for left in lives(backend)) == [1, 10]
    for _ in range(20):
        granted(store, allowance)
    assert all(0 < left <= 20_000 for left in lives(backend))


def test_as_a_model_of_token_buckets_says(store: AnyStore, backend: Backend) -> None:
    """Random askers and pauses. The model counts tokens in fractions; times are far from where rounding decides."""
    rng = random.Random(4)
    most, every = 4, 100.0
    level, at = float(most), 0.0
    allowance = Allowance(uuid4().hex, (own(most, int(every * SECOND)),))
    now, refused = 0.0, 0
    for _ in range(40):
        if rng.random() < 0.5:
            pause = 50.0 + 100 * rng.randrange(3) if level % 1 == 0 else 50.0
            moved(backend, pause)
            now += pause
        level, at = min(float(most), level + (now - at) / every), now
        may = level >= 1
        # Some milliseconds of the real clock pass meanwhile; half a token is far more than that.
        assert (granted(store, allowance) == "") == may
        level -= may
        refused += not may
    assert 5 < refused < 35


def test_a_turn_charges_as_it_begins_and_one_that_is_refused_leaves_nothing(
    store: AnyStore, backend: Backend, sid: str
) -> None:
    both = Allowance(uuid4().hex, (own(3), shared(2)))
    for credential in (None, Credential("b", 1)):
        with store.turn(sid, wait=0, credential=credential, allowance=both) as turn:
            turn.commit([HumanMessage("a question"), AIMessage("an answer")])
    with store.turn(sid, wait=0):
        pass  # nothing is charged for what names no allowance
    before = backend.dumped(sid)
    for credential in (None, Credential("b", 1)):
        with (
            pytest.raises(OverLimit) as caught,
            store.turn(sid, wait=0, credential=credential, allowance=both),
        ):
            pass
        assert caught.value.reason == "address_turns"
    assert backend.dumped(sid) == before  # nor is the session held
    # Whose cookie has ended is told that first, and not charged for.
    backend.raw.set(f"{backend.prefix}cookies:b", 2)
    with pytest.raises(CredentialEnded), store.turn(sid, 0, credential=Credential("b", 1), allowance=both):
        pass
    assert granted(store, Allowance(both.whose, (own(3),))) == ""


def test_a_session_s_first_turn_is_charged_for_the_session_too(store: AnyStore, sid: str) -> None:
    allowance = Allowance(uuid4().hex, (own(9),), (Bucket("sessions", "address_sessions", 600 * SECOND, 2),))

    def turn(session_id: str, allowance: Allowance) -> str:
        try:
            with store.turn(session_id, wait=0, allowance=allowance) as begun:
                begun.commit([HumanMessage("a question"), AIMessage("an answer")])
        except OverLimit as refused:
            return refused.reason
        return ""

    assert [turn(f"{sid}-{number}", allowance) for number in (1, 1, 1, 2, 2, 3)] == [""] * 5 + ["address_sessions"]
    assert store.messages(f"{sid}-3") == []
    assert turn(f"{sid}-2", allowance) == ""
    assert turn(f"{sid}-4", allowance._replace(buckets=())) == "address_sessions"
    assert turn(f"{sid}-2", allowance._replace(buckets=())) == ""


@pytest.mark.parametrize("planted", ["ahead", "words", "list"])
def test_a_bucket_that_cannot_be_is_no_worse_than_empty(store: AnyStore, backend: Backend, planted: str) -> None:
    """The server's clock was set back, or somebody else wrote there."""
    allowance = Allowance(uuid4().hex, (own(2, 10 * SECOND),))
    key = f"{backend.prefix}limit:{{{allowance.whose}}}:turns:a"
    if planted == "list":
        backend.raw.rpush(key, "x")
    else:
        backend.raw.set(key, {"ahead": "9" * 16, "words": "soon"}[planted])
    if planted == "ahead":
        with pytest.raises(OverLimit) as caught:
            store.charge(allowance)
        assert caught.value.retry_after <= 10
    else:
        assert [granted(store, allowance) for _ in range(3)] == ["", "", "session_turns"]


def test_it_is_one_command(backend: Backend, store: AnyStore) -> None:
    allowance = Allowance(uuid4().hex, (own(), shared()))
    granted(store, allowance)  # the script is known now
    granted(store, allowance)
    before = commands(backend.raw)
    for _ in range(3):
        granted(store, allowance)
    assert commands(backend.raw) - before == 3


def commands(raw: Any) -> int:
    """Scripts that were run, on all servers of it."""
    found = (
        raw.info("commandstats", target_nodes="primaries")
        if hasattr(raw, "get_primaries")
        else raw.info("commandstats")
    )
    per_node = (
        found.values() if all(isinstance(one, dict) and "calls" not in one for one in found.values()) else [found]
    )
    return sum(
        int(one[name]["calls"]) for one in per_node for name in one if name in ("cmdstat_evalsha", "cmdstat_eval")
    )
