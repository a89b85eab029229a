"""What changes a session: previewed, audited, undone; and sessions as files that come back as they went."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from rag.errors import CrosswireError, TurnLost
from rag.inspector import Inspector
from rag.inspector.actions import importing
from rag.inspector.actions.changes import Change, Changes, Done
from rag.inspector.actions.exporting import export
from rag.inspector.actions.importing import import_new, read_export, restore
from rag.sessions import SessionStore
from rag.sessions.ids import SessionId
from tests.inspector.stored_sessions import HARMFUL, HOSTILE, Place
from tests.sessions.messages.test_lossless import EXAMPLES

WHO = "a test"


def changes(place: Place) -> Changes:
    return Changes(place.inspector, WHO)


def audited(place: Place, sid: str) -> list[str]:
    return [entry.what for entry in place.store.audit.read() if (entry.session, entry.who) == (sid, WHO)][::-1]


def test_a_preview_says_what_it_would_hit(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    place.said("other", "Two?", "Two.")
    with place.store.turn("other"):
        seen = changes(place).preview("delete", [sid, "other", "gone", sid])
    assert ([row.info.id for row in seen.rows], seen.missing, seen.messages, seen.busy) == (
        [sid, "other"],
        ("gone",),
        4,
        1,
    )
    assert "deletes 2 sessions and everything stored for them" in str(seen)
    assert "1 of them is answering" in str(seen)
    assert changes(place).preview("pin", []).rows == ()
    assert place.store.info(sid) is not None


def test_extend_pin_and_unpin_and_back(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    place.store.extend(sid, 100)
    for change, seconds, left in (("extend", 5000, 5000), ("pin", 0, None), ("unpin", 0, 3600)):
        done = changes(place).do(change, [sid, "gone"], seconds)  # type: ignore[arg-type]
        assert done.ids == (sid,)
        ttl = place.store.ttl(sid)
        assert ttl is None if left is None else ttl == pytest.approx(left, abs=5)
        assert changes(place).undo(done) == (sid,)
        assert place.store.ttl(sid) == pytest.approx(100, abs=5)
    assert audited(place, sid) == ["extend", "extend", "pin", "extend", "unpin", "extend"]


@pytest.mark.parametrize("change", ["expire", "clear", "delete"])
def test_what_ends_a_session_can_be_undone(place: Place, sid: str, change: Change) -> None:
    place.store.append(sid, EXAMPLES)
    place.said(sid, "And?", "That.", documents=["a.md", "b.md"], title="A title", model="m1")
    trace = place.store.protocol.keys.of(SessionId(sid)).trace
    place.client.rpush(trace, b"sealed one", b"sealed two")
    place.store.pin(sid)
    before, messages = place.store.info(sid), place.store.records(sid)
    done = changes(place).do(change, [sid])
    assert done.ids == (sid,)
    assert not place.client.exists(trace)
    info = place.store.info(sid)
    assert (info is not None and info.messages == 0) if change == "clear" else info is None
    assert place.store.messages(sid) == []
    if change == "clear":
        assert place.inspector.row(sid).pinned  # type: ignore[union-attr]
    assert changes(place).undo(done) == (sid,)
    after = place.store.info(sid)
    assert before is not None
    assert after is not None
    assert (after.created, after.turns, after.title, after.model, after.ttl) == (
        before.created,
        2,
        "A title",
        "m1",
        None,
    )
    again = place.store.records(sid)
    assert [(one.message, one.turn, one.at, one.documents) for one in again] == [
        (one.message, one.turn, one.at, one.documents) for one in messages
    ]
    assert place.client.lrange(trace, 0, -1) == [b"sealed one", b"sealed two"]
    place.said(sid, "Goes on?", "Yes.")
    assert place.store.info(sid).turns == 3  # type: ignore[union-attr]
    assert [one.kind for one in place.scan().findings] == []


def test_a_cleared_session_that_went_on_is_left_as_it_is(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    done = changes(place).do("clear", [sid])
    place.said(sid, "Two?", "Two.")
    assert changes(place).undo(done) == ()
    assert [message.text for message in place.store.messages(sid)] == ["Two?", "Two."]


def test_delete_leaves_no_key(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    place.rewrite(sid, 0, lambda value: value.update(session_id="other"))
    place.judged(sid)
    place.client.delete(place.history(sid))
    place.client.set(place.history(sid), "wrong type")
    place.judged(sid)
    assert changes(place).do("delete", [sid]).ids == (sid,)
    prefix = place.store.protocol.keys.prefix
    assert list(place.client.scan_iter(f"{prefix}*{sid}*")) == []
    assert place.inspector.page().total == 0
    assert place.inspector.find(sid) == []
    assert "delete" in audited(place, sid)


def test_a_turn_that_is_being_answered_is_not_stored_after_a_delete(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    with place.store.turn(sid) as turn:
        changes(place).do("delete", [sid])
        with pytest.raises(TurnLost):
            turn.commit([HumanMessage("Two?"), AIMessage("Two.")])
    assert place.store.info(sid) is None


def test_one_quarantined_message_is_removed(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.", "Two?", "Two.")
    for number in (0, 2):
        place.rewrite(sid, number, lambda value: value.update(session_id=f"other-{value['turn']}"))
    place.judged(sid)
    first, second = place.store.quarantined(sid)
    assert changes(place).remove_quarantined(sid, first)
    assert not changes(place).remove_quarantined(sid, first)
    assert place.store.quarantined(sid) == [second]
    assert audited(place, sid) == ["remove quarantined"]


@pytest.mark.parametrize("seconds", [0, -1, 10**9])
def test_an_extension_that_is_none(place: Place, sid: str, seconds: int) -> None:
    place.said(sid, "One?", "One.")
    with pytest.raises(CrosswireError, match="expected 1 to"):
        changes(place).do("extend", [sid], seconds)


# --- files


def test_an_export_comes_back_as_another_session(place: Place, sid: str) -> None:
    place.store.append(sid, [*EXAMPLES, ToolMessage("x", tool_call_id="1")])
    text = export(place.inspector, [sid, "gone"]).written("json")
    assert text.isascii()
    (session,) = read_export(text)
    copy = import_new(place.inspector, session, WHO)
    assert copy != sid
    assert place.store.messages(copy) == place.store.messages(sid)
    assert place.store.ttl(copy) == pytest.approx(3600, abs=5)
    assert [row.info.id for row in place.inspector.find(copy)] == [copy]
    assert restore(place.inspector, session, WHO) is None, "nothing is overwritten"
    assert audited(place, copy) == ["import"]
    assert place.scan().verdict == "clean", "a copy on purpose is no leak"


def test_sealed_sessions_are_sealed_again(place: Place, sid: str) -> None:
    prefix = place.store.protocol.keys.prefix
    store = SessionStore(place.client, key_prefix=prefix, encryption_keys=[bytes(32)])
    sealed = Place(place.client, store, Inspector(place.client, store))
    sealed.said(sid, "Secret?", "Secret.", title="Secret title")
    (session,) = read_export(export(sealed.inspector, [sid]).written("json"))
    assert session["title"] == "Secret title"
    copy = import_new(sealed.inspector, session, WHO)
    assert store.messages(copy) == store.messages(sid)
    assert b"Secret" not in b"".join(sealed.lines(copy)) + b"".join(place.client.hvals(place.hash(copy)))


def test_what_is_broken_stays_out_of_a_copy(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    place.client.rpush(place.history(sid), b"{", place.lines(sid)[0].replace(sid.encode(), b"other"))
    (session,) = read_export(export(place.inspector, [sid]).written("json"))
    assert [message["problem"] for message in session["messages"]] == ["", "", "corrupt", "foreign"]
    assert len(place.store.messages(import_new(place.inspector, session, WHO))) == 2


BAD: list[Any] = [
    b"",
    b"{",
    b"[]",
    b'{"format": "x"}',
    b'{"format": "crosswire.sessions", "version": 2}',
    b'{"format": "crosswire.sessions", "version": 1}',
    b'{"format": "crosswire.sessions", "version": 1, "sessions": [{"id": 1}]}',
    b'{"format": "crosswire.sessions", "version": 1, "sessions": [{"id": "x", "messages": [1]}]}',
    b"\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", BAD)
def test_what_is_no_export(content: bytes) -> None:
    with pytest.raises(CrosswireError, match="no export of sessions"):
        read_export(content)


def test_an_export_that_is_too_large_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LARGEST", 1000)
    with pytest.raises(CrosswireError, match="it has 1,001 bytes, and 1,000 are the most"):
        read_export(b" " * 1001)


def test_values_that_make_no_sense_are_left_out(place: Place) -> None:
    strange = {
        "id": "x",
        "turns": "many",
        "created": "yesterday",
        "trimmed": -1,
        "model": 7,
        "title": ["x"],
        "summary_turns": True,
        "messages": [{"role": "user", "text": "Hello", "turn": "one", "at": "now", "documents": 3}],
    }
    copy = import_new(place.inspector, strange, WHO)
    assert [message.text for message in place.store.messages(copy)] == ["Hello"]
    info = place.store.info(copy)
    assert info is not None
    assert (info.turns, info.trimmed, info.model) == (1, 0, "")
    assert place.inspector.page().rows
    for message in ({"message": {"type": "nonsense", "data": {}}}, {"message": {"type": "human"}}):
        with pytest.raises(CrosswireError, match="no export"):
            import_new(place.inspector, {"id": "x", "messages": [message]}, WHO)


def test_what_is_odd_can_be_exported_and_deleted(place: Place, sid: str) -> None:
    place.said(sid, "One?", "One.")
    place.client.hset(
        place.hash(sid),
        mapping={
            "turns": "many",
            "created": "inf",
            "seen": "1e400",
            "title": "\udcff".encode("utf-8", "surrogateescape"),
        },
    )
    place.rewrite(sid, 0, lambda value: value.update(at=1e300))
    taken = export(place.inspector, [sid])
    assert taken.sessions[0]["turns"] == 0
    assert taken.written("markdown")
    assert taken.written("csv")
    assert changes(place).do("delete", [sid]).ids == (sid,)
    assert changes(place).undo(Done("delete", (sid,), {}, taken)) == (sid,)
    assert len(place.store.messages(sid)) == 2


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "'=1", '"=1', "=cmd|' /C calc'!A0", "\n=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(place: Place, text: str) -> None:
    sid = text.strip() or "x"
    place.said(sid, text, "Fine.", documents=[text])
    rows = list(csv.reader(io.StringIO(export(place.inspector, [sid]).written("csv"))))
    assert len(rows) == 3
    for row in rows[1:]:
        assert not [
            cell for cell in row if cell.lstrip(" \t\r\n\"'").startswith(("=", "+", "-", "@", "＝")) and cell[0] != "'"
        ]


def test_hostile_texts_do_nothing_in_files(place: Place, sid: str) -> None:
    place.said(sid, HOSTILE, HOSTILE, documents=["[x](javascript:alert(1))"])
    taken = export(place.inspector, [sid])
    for text in (taken.written("markdown"), taken.written("csv"), taken.written("json")):
        assert not set(HARMFUL) & set(text)
    assert not outside_of_fences(taken.written("markdown")) & {"<script>", "javascript:alert(1)", "**bold**", "# out"}
    assert json.loads(taken.written("json"))["sessions"][0]["messages"][0]["text"] == HOSTILE


def outside_of_fences(markdown: str) -> set[str]:
    """Which of the tricks stand where Markdown would be read."""
    fence, outside = "", []
    for line in markdown.splitlines():
        if not fence and line.startswith("```"):
            fence = line.removesuffix("text")
        elif fence and line == fence:
            fence = ""
        elif not fence:
            outside.append(line)
    assert not fence
    text = "\n".join(outside)
    assert "[x](" not in text
    return {trick for trick in ("<script>", "javascript:alert(1)", "**bold**", "# out") if trick in text}
