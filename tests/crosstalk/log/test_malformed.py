"""Whatever a file holds: it is read, it is an operation log, or one line says what it is."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crosstalk.checker.check import check
from rag.crosstalk.log import events
from rag.crosstalk.log.foreign import chat, records
from rag.crosstalk.log.foreign.exchange import seconds
from rag.crosstalk.log.foreign.reading import ForeignLog, read
from rag.errors import CrosswireError
from tests.crosstalk.log.shapes import SHAPES
from tests.crosstalk.log.talk import RIGHT

NAMES = st.sampled_from(
    "id type role content parts text kwargs data messages input output inputs outputs metadata traceId trace_id "
    "sessionId userId timestamp startTime run_type start_time extra runs traces observations child_runs resourceSpans "
    "scopeSpans spans attributes key value stringValue arrayValue kvlistValue values events name body plants".split()
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | NAMES
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
TEXTS = {name: SHAPES[name](RIGHT) for name in SHAPES}


def outcome(data: bytes) -> ForeignLog | str | None:
    """What became of it, with its events checked; the line that says why it cannot be read."""
    try:
        found = read(io.BytesIO(data), "log")
    except CrosswireError as exc:
        return str(exc)
    if found is not None:
        check(found.events, leaks_only=True)
        check(found.events, window=3)
    return found


def one_line(found: ForeignLog | str | None) -> None:
    if isinstance(found, str):
        assert found.startswith("log cannot be checked: ")
        assert "\n" not in found
        assert len(found) < 500


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    one_line(outcome(data))


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=4), st.booleans())
def test_any_json(values: list[Any], lines: bool) -> None:
    one_line(outcome(("\n".join(map(json.dumps, values)) if lines else json.dumps(values, indent=1)).encode()))


def places(value: Any) -> int:
    nested = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(places, nested))


def put(value: Any, place: int, other: Any) -> Any:
    """The same with another value at one place, counted from the outside."""
    if place == 0:
        return other
    at = 1
    for key, nested in list(value.items() if isinstance(value, dict) else enumerate(value)):
        size = places(nested)
        if place < at + size:
            value[key] = put(nested, place - at, other)
            break
        at += size
    return value


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(list(TEXTS)), st.integers(0, 10**6), VALUES)
def test_an_export_in_which_one_value_is_another(shape: str, place: int, other: Any) -> None:
    try:
        value = json.loads(TEXTS[shape])
    except ValueError:
        value = [json.loads(line) for line in TEXTS[shape].splitlines()]
    one_line(outcome(json.dumps(put(value, place % places(value), other)).encode()))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(list(TEXTS)), st.integers(0, 10**6))
def test_an_export_that_ends_early(shape: str, size: int) -> None:
    data = TEXTS[shape].encode()
    one_line(outcome(data[: size % len(data)]))


KINDS = {
    "CSV": (b"session,user,text,answer\na,ada,hi,hello\n", "it is a table (CSV): export it as JSON"),
    "quoted CSV": (b'"session","user"\n"a","b"\n', "it is a table (CSV)"),
    "Parquet": (b"PAR1\x15\x04\x15", "it is a Parquet file"),
    "gzip": (b"\x1f\x8b\x08\x00", "it is compressed"),
    "HTML": (b"<!doctype html>", "it is XML or HTML"),
    "text": (b"2024-11-27 INFO started\n", "is not JSON"),
    "another JSON": (b'{"level": "info", "msg": "started"}\n', "it is JSON, but not a log of a known kind"),
    "a number": (b"7", "it is JSON, but not a log of a known kind"),
    "nothing": (b"[]", ""),
    "broken in the middle": (TEXTS["langfuse_texts"].encode()[:3000] + b"\n", "is not JSON"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "a long number": (b'{"run_type": ' + b"9" * 5000 + b"}", "a number too long"),
    "not UTF-8": (b'{"a": "\xff\xfe"}', "not UTF-8"),
    "an export of nobody": (
        b'[{"id": "a", "timestamp": "2025-01-10T12:00:00Z", "userId": null, "sessionId": null, "input": "hi"}]',
        "none of its 1 turns has a time, a question, and a session or a user",
    ),
    "a plant that is too short": (
        b'[{"id": "a", "timestamp": 1736510400, "userId": "b", "input": "hi", "metadata": {"plants": "x"}}]',
        "it plants 'x'",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_another_kind_of_file_is_named(kind: str) -> None:
    data, says = KINDS[kind]
    found = outcome(data)
    one_line(found)
    assert (says in found) if isinstance(found, str) else (found is None and not says)


def test_what_is_too_large_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "LINE", 1 << 20)
    monkeypatch.setattr(records, "WHOLE", 1 << 20)
    assert "line 1 is longer than 1 MB" in str(outcome(b'{"a": "' + b"x" * (1 << 20) + b'"}'))
    monkeypatch.setattr(records, "LARGEST", 2 << 20)
    rows = json.dumps(json.loads(TEXTS["langfuse_traces"])[0]).encode() + b"\n"
    assert "it has more than 2 MB: split it by session" in str(outcome(rows * ((2 << 20) // len(rows) + 2)))
    assert "as one JSON document it may have 1 MB, it has 2" in str(outcome(b"[\n" + b"1,\n" * 700_000 + b"1]"))


def test_an_operation_log_is_none_of_them() -> None:
    assert outcome(b'{"event": "control", "canary": "LK-2222-3333-44445"}\n') is None
    assert outcome(b'{"type": "ok", "op": 1}\n') is None
    assert outcome(b'{"event": "ok", "op": 1}\nnot JSON\n') is None
    assert outcome(b"\n\n") is None


DELETED = '{"event": "delete", "session": "a", "user": "Ada", "t": 1, '


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"event": "control", "canary": "LK-2222-3333-44445"} and more', "it is not JSON (Extra data)"),
        (
            '{"event": "invoke", "op": 1, "user": "a", "session": "a", "t": 0, "text": "hi", "plants": "LK"}',
            "invoke.plants is text: expected a list of texts",
        ),
        (DELETED + '"answered": "soon"}', "delete.answered is 'soon': expected one of done, refused, failed"),
        (DELETED + '"answered": "done", "gone": "yes"}', "delete.gone is text: expected true, false or null"),
        ('{"event": "prompt", "op": 1, "messages": "hi"}', "prompt.messages is text: expected a list of objects"),
        ('{"event": "prompt", "op": 1, "messages": ["hi"]}', "prompt.messages[0] is text: expected an object"),
        (
            '{"event": "prompt", "op": 1, "messages": [{"role": "user"}]}',
            "prompt.messages[0].text is missing: expected text",
        ),
        (
            '{"event": "retrieved", "op": 1, "documents": {}}',
            "retrieved.documents is an object: expected a list of objects",
        ),
    ],
)
def test_a_wrong_value_in_an_operation_log_names_its_line_and_its_key(line: str, said: str) -> None:
    with pytest.raises(events.BadLog) as caught:
        list(events.read(["", line]))
    assert caught.value.line == 2
    assert caught.value.reason.startswith(said)


@pytest.mark.parametrize("inner", ["hi", ["user", "hi"]])
def test_what_is_nested_deeper_than_anybody_writes_is_not_looked_at(inner: Any) -> None:
    for _ in range(50):
        inner = [inner]
    assert chat.messages(inner) == ()
    assert chat.question(inner) is None


@pytest.mark.parametrize("value", ["2025-01-10T12:00:00Z", "2025-01-10 12:00:00.000000", 1736510400, 1736510400.0])
def test_times_are_told_apart_by_their_size(value: Any) -> None:
    assert seconds(value) == 1736510400
    if isinstance(value, int):
        assert [seconds(str(value * unit)) for unit in (1, 1000, 10**6, 10**9)] == [1736510400] * 4


@pytest.mark.parametrize("value", [None, True, "soon", "", -1, float("nan"), float("inf"), 10**30, [], {}, "9" * 60])
def test_what_is_no_time_is_none(value: Any) -> None:
    assert seconds(value) is None
