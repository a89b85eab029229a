"""Ids are exact: no two of them are one session, and what cannot be one is refused."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from rag.errors import BadSessionId
from rag.sessions.ids import SessionId
from rag.sessions.protocol.keys import Keys

IDS = st.text(st.sampled_from("aAbé{}%:*,7BDb5 \u0430") | st.characters(), min_size=1, max_size=128).filter(
    str.isprintable
)
PREFIXES = st.sampled_from(["chat_history:", "x:", "session:", "chat_history:session:", "a"])


def names(keys: Keys, sid: str) -> list[str]:
    return [*keys.of(SessionId(sid)), *keys.misplaced(SessionId(sid))]


@given(IDS, IDS, PREFIXES)
@example("{a}", "%7Ba%7D", "chat_history:")
@example("a}:b", "a", "chat_history:")
@example("a", "A", "chat_history:")
@example("é", "e\u0301", "chat_history:")
def test_two_ids_never_share_a_key(one: str, other: str, prefix: str) -> None:
    assume(one != other)
    keys = Keys(prefix)
    assert not set(names(keys, one)) & set(names(keys, other))


@given(IDS, PREFIXES)
def test_the_keys_of_a_session_are_distinct_and_on_one_slot(sid: str, prefix: str) -> None:
    found = names(Keys(prefix), sid)
    assert len(set(found)) == len(found)
    tags = {name[name.index("{") + 1 : name.index("}", name.index("{"))] for name in found}
    assert len(tags) == 1
    assert tags != {""}


@given(IDS)
def test_no_session_has_the_name_of_a_shared_key(sid: str) -> None:
    keys = Keys()
    assert not set(names(keys, sid)) & {keys.live, keys.ends, keys.counts, keys.audit}


@given(st.text(max_size=140) | st.text(st.characters(codec=None), max_size=3))
def test_an_id_is_taken_as_it_is_or_refused(text: str) -> None:
    if 1 <= len(text) <= 128 and text.isprintable():
        assert SessionId(text) == text
    else:
        with pytest.raises(BadSessionId, match="1 to 128 printable characters"):
            SessionId(text)


@pytest.mark.parametrize("value", [None, 7, b"alice", ["a"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(BadSessionId):
        SessionId(value)  # type: ignore[arg-type]


def test_histories_of_two_prefixes_stay_apart() -> None:
    prefixes = ["chat_history:", "x:", "y:"]
    for one, other in itertools.combinations(prefixes, 2):
        mine, theirs = Keys(one), Keys(other)
        assert not set(names(mine, "a")) & set(names(theirs, "a"))
        assert mine.live != theirs.live
        assert mine.audit != theirs.audit
