"""What holds of every layout: recognised by what it holds, read right, a leak found, nobody accused, only read."""

from __future__ import annotations

import pytest

from rag.inspector import LAYOUTS, Inspector
from rag.inspector.forensics.scan import scan
from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client
from tests.inspector.layouts.databases import CANARY, LEAK, RIGHT, WRITERS, Scan, Write, fill

pytestmark = pytest.mark.parametrize(("name", "write"), WRITERS.values(), ids=WRITERS)


def test_the_canary_is_found(database: Client, scan_all: Scan, name: str, write: Write) -> None:
    fill(database, write, LEAK)
    report = scan_all()
    assert (report.verdict, report.layouts, report.seen.unread) == ("trouble", {name: 3}, [])
    (finding,) = [one for one in report.findings if one.kind == "canary"]
    assert ["alice" in finding.sessions[0], "bob" in finding.sessions[1]] == [True, True]
    assert "alice" in finding.explanation
    assert "bob" in finding.explanation
    first = report.canaries[0].first
    assert first is not None
    assert first.role == "user"


def test_a_right_database_is_clean(database: Client, scan_all: Scan, name: str, write: Write) -> None:
    fill(database, write, RIGHT)
    report = scan_all()
    assert (report.verdict, report.layouts, report.findings) == ("clean", {name: 2}, [])
    assert report.canaries[0].seen >= 2


def test_what_was_said_is_read_in_order(auto: Inspector, database: Client, name: str, write: Write) -> None:
    fill(database, write, RIGHT)
    (alice,) = [row.info.id for row in auto.page().rows if "alice" in row.info.id]
    view = auto.view(alice)
    assert view is not None
    told = [(one.said.role, one.said.text) for one in view.elements if one.said.role in ("user", "assistant")]
    assert [one for one in told if one[1] not in ("{}", "")] == list(RIGHT["alice"])
    assert not any(one.said.problem for one in view.elements)


def test_chosen_by_name_it_says_the_same(database: Client, name: str, write: Write) -> None:
    fill(database, write, LEAK)
    inspector = Inspector(database, SessionStore(database), LAYOUTS[name])
    if inspector.histories.prefix and not any(database.scan_iter(f"{inspector.histories.prefix}*")):
        inspector = Inspector(database, SessionStore(database), LAYOUTS[name], "")
    report = scan(inspector.histories, canaries=(CANARY,))
    assert (report.verdict, report.sessions) == ("trouble", 3)
    assert "canary" in report.counts


def test_nothing_is_written(database: Client, scan_all: Scan, name: str, write: Write) -> None:
    fill(database, write, LEAK)
    before = {key: database.dump(key) for key in database.scan_iter() if database.type(key) != b"ReJSON-RL"}
    names = set(database.scan_iter())
    scan_all()
    assert {key: database.dump(key) for key in before} == before
    assert set(database.scan_iter()) == names


def test_a_broken_element_does_not_hide_the_rest(database: Client, scan_all: Scan, name: str, write: Write) -> None:
    fill(database, write, LEAK)
    lists = list(database.scan_iter(_type="list"))
    for key in lists:
        database.rpush(key, '{"role": ', b"\xff\xfe")
    report = scan_all()
    assert report.verdict == "trouble"
    assert report.counts["canary"] == 1
    assert report.counts["broken"] == 2 * len(lists)
