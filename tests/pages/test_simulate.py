"""The simulate page: set up, run, look, compare; what is wrong is said at once, and nobody sees another's run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

from rag.colours import colour
from rag.crosstalk import Workload
from rag.crosstalk.background.comparisons import Table, shipped
from rag.crosstalk.background.runs import Run, TooManyRuns
from rag.services import Services
from rag.ui import resources
from tests.pages.opening import calm, errors, labels, pick, press, session_of, visit
from tests.servers import wait_for


@pytest.fixture
def page(services: Services) -> AppTest:
    page = visit()
    page.switch_page("simulate.py")
    return calm(page.run())


def put(page: AppTest, key: str, value: object) -> AppTest:
    controls = [*page.selectbox, *page.number_input, *page.text_input, *page.toggle]
    (control,) = [one for one in controls if one.key == f"sim_{key}"]
    return calm(control.set_value(value).run())


def small(page: AppTest) -> AppTest:
    for key, value in {"users": 6, "turns": 2, "latency": "0.001", "arrival": "at once"}.items():
        put(page, key, value)
    return page


def test_a_browser_that_was_interrupted_before_the_controls_arrived_gets_their_values_again(page: AppTest) -> None:
    put(page, "users", 250)
    page._run(WidgetStates())  # it has none of them, and so says nothing about them
    protos = {one.key: one.proto for one in [*page.text_input, *page.number_input]}
    drawn = {key: proto.value if proto.set_value else proto.default for key, proto in protos.items()}
    assert (drawn["sim_arrival"], drawn["sim_latency"]) == ("ramp:1.5", "0.05~0.5")
    assert (drawn["sim_users"], drawn["sim_turns"], drawn["sim_in_flight"]) == (250, 3, 64)
    assert errors(page) == []


def run_of(page: AppTest) -> Run:
    found = page.query_params["run"]
    run = resources.runs().find(session_of(page), found if isinstance(found, str) else found[0])
    assert run is not None
    return run


def finished(page: AppTest) -> AppTest:
    wait_for(lambda: not run_of(page).busy, "the end of the run", seconds=30)
    return calm(page.run())


def look(page: AppTest, part: str) -> None:
    page.session_state["results"] = part
    calm(page.run())


def texts(page: AppTest) -> str:
    said = [*page.markdown, *page.caption, *page.error, *page.success, *page.warning]
    return "\n".join(str(one.value) for one in said)


def test_somebody_new_sees_what_to_press(page: AppTest) -> None:
    assert "Simulate" in labels(page)
    assert "A hundred users, waiting." in texts(page)


def test_the_incident_leaks_and_its_evidence_opens(page: AppTest) -> None:
    small(page)
    put(page, "first", "shared-buffer")
    put(page, "arrival", "ramp:0.6")  # one after the other, so that no race explains it
    finished(press(page, "Simulate"))
    assert "shown somebody else's data" in errors(page)[0]
    assert "No race is needed" in errors(page)[0]
    assert "said**" in texts(page)
    owner = next(one for one in page.selectbox if one.label == "Owner of the data").value
    assert f'**]{{background="{colour(str(owner))}' in texts(page)
    assert any("words in its prompt" in one.label for one in page.expander)
    assert any("stored history" in one.label for one in page.expander)
    look(page, ":material/list: Anomalies")
    kinds = page.dataframe[0].value
    assert "key-collision" in list(kinds["kind"])
    assert kinds["users"].max() == 6
    look(page, ":material/download: Files")
    assert "--strategy shared-buffer --users 6 --turns 2" in texts(page)
    look(page, ":material/menu_book: Glossary")
    assert "**canary**" in texts(page)
    look(page, ":material/timeline: Timeline")
    assert "Turns over time, 6 users." in texts(page)
    look(page, ":material/speed: Latency")
    assert {"p50", "p95", "p99", "Redis round trips per turn"} <= {one.label for one in page.metric}
    look(page, ":material/code: Source")
    assert "The bug: line" in errors(page)[-1]
    look(page, ":material/account_tree: Smallest example")
    assert ":material/report:" in texts(page)
    press(page, "See the line")
    assert "ConversationBufferMemory" in page.code[0].value
    press(page, "See it")
    assert len(page.chat_message) >= 4
    more_is_suspected(page, 26)
    calm(page.run())  # the list of parts is another one now
    look(page, ":material/help: Suspected, not certain")
    assert texts(page).count(":material/help: ") == 25
    assert "1 more are in the files." in texts(page)
    run_of(page).outcomes["shared-buffer"].log.write_text("")
    look(page, ":material/timeline: Timeline")
    assert page.info[-1].value == "No turns ran."
    look(page, ":material/grid_on: Who saw whom")
    assert "The log has no turns of these users." in texts(page)


def more_is_suspected(page: AppTest, times: int) -> None:
    run = run_of(page)
    ((name, outcome),) = run.outcomes.items()
    report = replace(outcome.report, suspected=outcome.report.anomalies[:1] * times)
    run.outcomes = {name: replace(outcome, report=report)}


def test_what_a_run_left_behind_is_said(page: AppTest) -> None:
    small(page)
    put(page, "first", "dict-per-session")
    assert "could not be deleted" not in texts(finished(press(page, "Simulate")))
    (outcome,) = run_of(page).outcomes.values()
    outcome.about["left"] = "What the run stored could not be deleted. Remove it with DROP TABLE crosswire_sim."
    assert "could not be deleted" in texts(calm(page.run()))


def test_two_memories_with_the_same_people(page: AppTest) -> None:
    small(page)
    put(page, "first", "shared-buffer")
    put(page, "second", "redis-turn")
    finished(press(page, "Simulate"))
    assert len(errors(page)) >= 1
    assert "6 users stayed apart" in texts(page)
    page.session_state[f"look-{run_of(page).id}"] = "redis-turn"
    for part, said in {
        ":material/grid_on: Who saw whom": "Nobody was shown anybody else's data.",
        ":material/list: Anomalies": "No anomalies found.",
        ":material/account_tree: Smallest example": "Nothing went wrong, so there is no example.",
        ":material/code: Source": "The fix: ",
    }.items():
        look(page, part)
        assert said in texts(page)


def test_the_first_evidence_is_an_answer_with_somebody_elses_data(page: AppTest) -> None:
    # They come one after the other, and stay while others speak: each is told what somebody else said last.
    for key, value in {"users": 30, "turns": 3, "latency": "0.02", "arrival": "ramp:0.3"}.items():
        put(page, key, value)
    put(page, "first", "shared-buffer")
    finished(press(page, "Simulate"))
    answers = [one.markdown[0].value for one in page.chat_message if one.name == "assistant"]
    # The first three are those of whom it was shown to; its owner's own may hold it too.
    assert any("**]{background=" in answer for answer in answers[:3]), answers


def test_a_preset_sets_the_controls(page: AppTest) -> None:
    (presets,) = [group for group in page.button_group if group.key == "sim_preset"]
    calm(presets.set_value("Two tabs").run())
    assert page.session_state["sim_first"] == "redis-list"
    assert page.session_state["sim_second"] == "redis-turn"
    assert page.session_state["sim_tabs"] == 2


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("latency", "fast", "latency is 'fast': expected SECONDS or MEDIAN~SHAPE"),
        ("arrival", "sometime", "arrival is 'sometime': expected at once, ramp:SECONDS"),
        ("users", 10_000, ""),
    ],
)
def test_what_cannot_be_is_said_before_it_is_run(page: AppTest, key: str, value: object, said: str) -> None:
    if key == "users":
        put(page, "turns", 1000)
        said = "turns is 1000: expected users × turns × tabs to be at most 1000000"
    put(page, key, value)
    assert said in errors(page)[0]
    press(page, "Simulate")
    assert "run" not in page.query_params


def test_a_run_is_stopped_and_found_again(page: AppTest) -> None:
    for key, value in {"users": 20, "turns": 100, "think": 0.3, "first": "dict-per-session"}.items():
        put(page, key, value)
    press(page, "Simulate")
    wait_for(lambda: any(one.answered for one in run_of(page).progress.values()), "some turns", seconds=20)
    press(page, "Stop")
    finished(page)
    assert "The run was stopped early" in texts(page)
    again = calm(page.run())
    assert "The run was stopped early" in texts(again)


def test_the_address_of_a_run_opens_it_for_others_to_read_and_run_themselves(page: AppTest) -> None:
    small(page)
    finished(press(page, "Simulate"))
    other = visit()
    other.switch_page("simulate.py")
    other.query_params["run"] = page.query_params["run"]
    calm(other.run())
    assert session_of(other) != session_of(page)
    assert "somebody else's run" in other.info[0].value
    assert errors(other) == errors(page)
    finished(press(other, "Run it yourself"))
    assert run_of(other).workload == run_of(page).workload
    other.query_params["run"] = "0123456789abcdef"
    calm(other.run())
    assert "There is no such run on this server" in other.info[0].value
    assert "A hundred users, waiting." in texts(other)


def test_earlier_runs_are_opened_and_deleted(page: AppTest) -> None:
    small(page)
    finished(press(page, "Simulate"))
    first = run_of(page).id
    finished(press(page, "Simulate"))
    assert run_of(page).id != first
    press(page, "Open")
    assert run_of(page).id == first
    press(page, "Delete")
    assert [run.id for run in resources.runs().mine(session_of(page))] == [first]


def test_the_table_is_there_and_a_row_of_it_is_measured_again(page: AppTest) -> None:
    page.session_state["part"] = ":material/balance: Which memory should I use?"
    calm(page.run())
    assert page.dataframe[0].value["isolated?"][0] == "❌ no"
    assert set(page.dataframe[0].value["measured"]) == {"shipped"}
    resources.weighing().start(session_of(page), ["shared-buffer"], Workload(users=4, turns=2, latency="0.001"))
    calm(page.run())
    assert "Stop" in labels(page)
    wait_for(lambda: not _busy(page), "the end of the measuring", seconds=60)
    calm(page.run())
    assert page.dataframe[0].value["measured"][0] == "here"
    assert list(page.dataframe[0].value["measured"][1:]) == ["shipped"] * (len(shipped().rows) - 1)
    assert "Measure all again, here" in labels(page)


def test_the_evidence_against_a_memory_is_shown_when_its_row_is_selected(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [row.name for row in shipped().rows]
    pick(monkeypatch, *(names.index(name) for name in ("shared-buffer", "redis-turn", "stateless")))
    page.session_state["part"] = ":material/balance: Which memory should I use?"
    calm(page.run())
    assert "Measure 3 again, here" in labels(page)
    assert "**isolated?** ❌ no" in texts(page)
    assert "**nothing lost?**" not in texts(page)
    assert any(one.label.startswith("users: ") for one in page.expander)
    assert "isolation is what it is judged by" in page.info[-1].value
    assert [one.value for one in page.success] == ["No evidence against it."] * 2


def test_a_measuring_that_failed_or_cannot_begin_is_said(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    weighing = resources.weighing()
    page.session_state["part"] = ":material/balance: Which memory should I use?"
    monkeypatch.setattr(weighing, "table", lambda _: Table(problem="The disk is full."))
    assert "The disk is full." in errors(calm(page.run()))
    monkeypatch.setattr(weighing, "table", lambda _: Table(names=("sql", "sqlite"), measured=1, stopped=True))
    assert "1 of 2 were measured again" in texts(calm(page.run()))

    def start(session_id: str, names: object) -> None:
        raise TooManyRuns("Another table is being measured.")

    monkeypatch.setattr(weighing, "start", start)
    press(page, "Measure all again, here")
    assert "Another table is being measured." in texts(page)


def test_a_measuring_tells_what_is_left_and_is_stopped(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    weighing, stopped = resources.weighing(), list[str]()
    page.session_state["part"] = ":material/balance: Which memory should I use?"
    table = Table(names=("sql",), busy=True, doing="sql, users", share=0.5)
    monkeypatch.setattr(weighing, "table", lambda _: table)
    monkeypatch.setattr(weighing, "stop", stopped.append)
    calm(page.run())
    (bar,) = page.get("progress")
    assert bar.proto.text.startswith("Measuring sql, users …, ")
    press(page, "Stop")
    assert stopped == [session_of(page)]


def _busy(page: AppTest) -> bool:
    return resources.weighing().table(session_of(page)).busy
