"""The same on a cluster, where a session's keys are on one of several servers and the index on others."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from rag.inspector import Filter, Inspector
from rag.inspector.actions.changes import Changes
from rag.inspector.forensics.scan import scan
from rag.sessions import SessionStore, connect
from tests.inspector.stored_sessions import Place
from tests.servers import Cluster


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with Cluster() as cluster:
        client = connect(cluster.url)
        store = SessionStore(client)
        yield Place(client, store, Inspector(client, store))
        client.close()


def test_everything_works_on_a_cluster(place: Place) -> None:
    for number in range(30):
        place.said(f"s{number}", f"Question {number}?", f"Answer {number}.")
    inspector, changes = place.inspector, Changes(place.inspector, "a test")
    seen = inspector.overview()
    assert (seen.sessions, seen.messages.value, seen.bytes.exact) == (30, 60, True)
    assert len(inspector.page(0, 20).rows) == 20
    assert [row.info.id for row in inspector.search(Filter(text="question 7?")).rows] == ["s7"]
    view = inspector.view("s7")
    assert view is not None
    assert [key.type for key in view.keys] == ["list", "hash"]
    report = place.scan()
    assert (report.verdict, report.sessions) == ("clean", 30)
    for number in range(5):
        place.client.rpush(f"theirs-{number}", json.dumps({"role": "user", "content": f"Question {number}?"}))
        place.client.set(f"text-{number}", json.dumps([{"role": "user", "content": f"{number}" * 5000}]))
    every = scan(inspector.of("auto").histories)
    assert (every.verdict, every.layouts) == ("clean", {"crosswire": 30, "openai-list": 5, "openai-string": 5})
    place.client.rpush(place.history("s1"), place.lines("s2")[0])
    assert {one.kind for one in place.scan().findings} == {"names-other", "same-id"}
    for change in ("pin", "clear", "delete", "expire"):
        done = changes.do(change, ["s7"])
        assert changes.undo(done) == ("s7",), change
    assert [message.text for message in place.store.messages("s7")] == ["Question 7?", "Answer 7."]
    assert inspector.find("s7")
