"""The audit page: who may have what audited, an audit as it goes on, and what it shows of what it found."""

from __future__ import annotations

import sys

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rag.audit.checks import CHECKS
from rag.audit.report.files import Replay
from rag.audit.results import Outcome
from rag.audit.run.background import Auditing, AuditUnderWay
from rag.audit.run.needing import missing, server, unnamed
from rag.audit.run.session import selected
from rag.audit.targets import NAMED
from rag.errors import CrosswireError
from rag.services import Services
from rag.ui import resources
from rag.ui.audit import card, choice
from rag.ui.audit.in_the_lab import IN_THE_LAB
from rag.ui.audit.results import matrix
from rag.ui.race.scene.replay import look
from tests.pages.opening import calm, errors, labels, press, session_of, visit
from tests.servers import wait_for

STORES = "tests.audit.stores"


@pytest.fixture
def stranger(services: Services) -> AppTest:
    page = visit()
    page.switch_page("audit.py")
    return calm(page.run())


@pytest.fixture
def owner(stranger: AppTest, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(choice, "owner", lambda _: True)
    return calm(stranger.run())


def texts(page: AppTest) -> str:
    return "\n".join(each.value for each in (*page.markdown, *page.caption, *page.subheader))


def choose(page: AppTest, names: list[str], path: str, levels: list[str]) -> AppTest:
    calm(page.multiselect(key="audit_targets").set_value(names).run())
    calm(page.text_input(key="audit_path").set_value(path).run())
    page.session_state["audit_levels"] = levels
    return calm(page.run())


def begun(page: AppTest) -> Auditing:
    label = next(each for each in labels(page) if each.startswith("Audit with"))
    press(page, label)
    found = resources.audits().find(session_of(page))
    assert found is not None, errors(page)
    return found


def test_a_stranger_is_offered_no_import_path_and_no_server(stranger: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "are sessions kept apart, whole and durable?" in texts(stranger)
    assert not stranger.text_input
    monkeypatch.setenv("AUDIT_REDIS_URL", "redis://secret:6379")
    stranger.session_state["audit_path"] = f"{STORES}:leaves"
    calm(stranger.run())
    assert "langchain-community-redis" not in stranger.multiselect(key="audit_targets").options
    assert "langchain-community-redis]  \n:small[only for whoever runs this server]" in texts(stranger)
    assert "link that this server wrote" in texts(stranger)
    offered, sent = st.multiselect, [f"{STORES}:leaves", "langchain-community-redis"]
    monkeypatch.setattr(st, "multiselect", lambda *given, **named: [*offered(*given, **named), *sent])
    began = []
    monkeypatch.setattr(resources.audits(), "start", lambda who, targets, checks: began.append(targets))
    press(stranger, next(each for each in labels(stranger) if each.startswith("Audit with")))
    assert began
    assert not set(sent) & set(began[0])
    monkeypatch.setattr(st, "multiselect", offered)
    assert "secret" not in texts(stranger)
    assert ":gray[adk-memory, adk-database]  \n:small[`pip install google-adk`]" in texts(stranger)
    stranger.session_state["audit_levels"] = []
    (button,) = [each for each in calm(stranger.run()).button if each.label == "Audit"]
    assert button.disabled
    monkeypatch.setattr(choice, "owner", lambda _: True)
    calm(stranger.run())
    assert "langchain-community-redis" in stranger.multiselect(key="audit_targets").options


def test_several_stores_are_a_matrix_with_a_card_for_each_check(owner: AppTest) -> None:
    levels = ["apart"]
    running = begun(choose(owner, ["langchain-memory"], f"{STORES}:Folding", levels))
    assert running.targets == ("langchain-memory", f"{STORES}:Folding")
    wait_for(lambda: not running.busy, "the end of the audit", seconds=60)
    page = calm(owner.run())
    assert running.share == 1
    assert not errors(page)
    wrong, clear = page.dataframe
    assert wrong.value.to_dict("index") == {"apart.case": dict(zip(running.targets, ("✓ pass", "✗ fail"), strict=True))}
    assert clear.value.loc["apart.joined", "langchain-memory"] == "– n/a"
    assert matrix([running.audits[f"{STORES}:Folding"]]).index.tolist() == [each.id for each in selected(levels)]
    assert "langchain\\-memory: no check failed" in texts(page)
    page.session_state["audit_shown"] = f"{STORES}:Folding"
    calm(page.run())
    assert "1 check failed" in texts(page)
    titles = [each.label for each in page.expander]
    assert ":red-badge[:material/close: fail] **apart.case** " + CHECKS["apart.case"].asserts in titles
    counts = running.audits[f"{STORES}:Folding"].counts
    assert f"{counts['pass']} hold, {counts['not applicable']} not applicable" in titles
    assert "Why: An index folds case. [Source](https://" in texts(page)
    assert "| 1 | :small[adds to" in texts(page)
    code = "Copy the file"
    assert [title for title in titles if title == code] == [code]
    assert {getattr(each, "label", "") for each in page.get("download_button")} == {
        "HTML",
        "JSON",
        "JUnit",
        "Reproduction",
    }


def test_one_audit_at_a_time_which_can_be_stopped_and_is_nobody_elses(owner: AppTest) -> None:
    audits = resources.audits()
    running = begun(choose(owner, ["langchain-memory"], f"{STORES}:Hanging", ["apart"]))
    wait_for(lambda: running.target != "langchain-memory" and running.running, "the second store", seconds=30)
    assert CHECKS[running.running].asserts in texts(calm(owner.run()))
    assert f"`apart` {len(selected(['apart']))}/" in texts(owner)
    running.target = ""  # as it is before the first
    calm(owner.run())
    assert any(each.disabled for each in owner.button if each.label.startswith("Audit with"))
    other = visit()
    other.switch_page("audit.py")
    calm(other.run())
    assert "Stop" not in labels(other)
    press(other, next(each for each in labels(other) if each.startswith("Audit with")))
    assert "An audit is under way already" in errors(other)[0]
    assert audits.find(session_of(other)) is None
    audits.stop(session_of(other))
    assert not running.stop.is_set()
    with pytest.raises(AuditUnderWay):
        audits.start("another", ["langchain-memory"], selected(["apart.case"]))
    with pytest.raises(CrosswireError, match="Choose 1 to 8 targets"):
        audits.start("another", [], selected(["apart.case"]))
    press(owner, "Stop")
    wait_for(lambda: not running.busy, "the end of the audit", seconds=30)
    calm(owner.run())
    assert "langchain\\-memory: no check failed" in texts(owner)
    assert "before a check was done: tests\\.audit\\.stores\\:Hanging" in owner.info[0].value


def test_a_target_that_cannot_be_opened_is_one_line(owner: AppTest) -> None:
    running = begun(choose(owner, [], f"{STORES}:no_such", ["whole"]))
    wait_for(lambda: not running.busy, "the end of the audit", seconds=30)
    (line,) = errors(calm(owner.run()))
    assert "has no 'no\\_such'" in line
    assert "\n" not in line
    assert not owner.dataframe


def test_a_replay_names_who_beside_their_colour_and_draws_no_markup_of_theirs() -> None:
    steps = [("alice", "adds *x* | <b>", "done"), ("bob", "reads", "a\nb [l](http://x)")] * 25
    shown = card.table(Replay.of(Outcome("apart.case", "fail", replay=steps)))
    first, _, *rows = shown.splitlines()
    assert first == "| | :violet[**A** alice] | :orange[**B** bob] |"
    assert rows[0] == "| 11 | :small[adds \\*x\\* \\| \\<b\\> → done] |  |"
    assert rows[1].startswith("| 12 |  | :small[reads → a b \\[l\\]")
    assert len(rows) == 40
    crowd = [(f"user {number}", "reads", "nothing") for number in range(6)]
    head, _, *rows = card.table(Replay.of(Outcome("apart.case", "fail", replay=crowd))).splitlines()
    assert head == "| | who | what |"
    assert rows[3].startswith("| 4 | :blue[**D** user 3] | ")
    assert rows[5].startswith("| 6 | user 5 | ")


def test_what_a_check_is_linked_to_shows_its_fault_in_the_race_lab(services: Services) -> None:
    for name, (played, shows) in IN_THE_LAB.items():
        seen = look(played.strategy, played.scene, played.schedule, services.settings)
        assert name in CHECKS
        assert seen.outcome is not None, name
        assert shows in seen.outcome.kinds


def test_what_a_target_needs_is_read_off_its_factory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDIT_POSTGRES_URL", raising=False)
    assert missing("langgraph-memory") == unnamed("langgraph-memory") == ""
    assert missing("adk-database") == "pip install google-adk"
    monkeypatch.setitem(sys.modules, "asyncpg", None)  # another package may have brought it along
    assert "asyncpg openai-agents" in missing("agents-sqlalchemy-postgres")
    assert server("langchain-sql-postgres") == "AUDIT_POSTGRES_URL"
    assert unnamed("langchain-sql-postgres").startswith("AUDIT_POSTGRES_URL=postgresql://")
    monkeypatch.setenv("AUDIT_POSTGRES_URL", "postgresql://here")
    assert unnamed("langchain-sql-postgres") == ""
    assert not server("crosswire-store")  # it has one of its own where none is named
    assert all(missing(name) == "" or missing(name).startswith("pip install ") for name in NAMED)
