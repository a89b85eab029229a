"""The inspector: what it shows, hides and changes, and that it shows nothing to those who may not look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
import streamlit as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from streamlit.testing.v1 import AppTest

from rag.chat.prompt import RULES
from rag.crosstalk import Workload
from rag.erasure import LATER, add_document
from rag.errors import CrosswireError
from rag.inspector import inspector as inspector_module
from rag.inspector.actions import examples
from rag.inspector.actions.changes import Changes
from rag.inspector.views.overview import Overview
from rag.services import Services
from rag.sessions.ids import SessionId
from rag.sessions.names import friendly_name
from rag.tracing.handler import trace
from rag.ui import resources
from rag.ui.inspector import (
    actions,
    forensics,
    overview,
    session_table,
    session_view,
    sign_in,
    traced_view,
)
from rag.ui.inspector.context import Context
from rag.ui.inspector.turns import turn_view
from tests.inspector.stored_sessions import HARMFUL, HOSTILE, stored
from tests.pages.inspecting import SECRET, all_of, inspect, metrics, put
from tests.pages.opening import calm, errors, labels, pick, press, say, session_of, visit
from tests.servers import wait_for


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "linked", lambda _: True)


@pytest.fixture
def sid(services: Services) -> Iterator[str]:
    sid = "a-session"
    with services.store.turn(sid) as turn:
        turn.commit([HumanMessage(SECRET), AIMessage("Noted.")], documents=["returns.md"], title=SECRET)
    yield sid
    for row in services.store.directory.page().rows:
        services.store.clear(row.info.id)


def act(page: AppTest, name: str) -> AppTest:
    (button,) = [button for button in page.button if button.key == f"inspector_act_{name}"]
    return calm(button.click().run())


def to_tab(page: AppTest, name: str) -> AppTest:
    page.session_state["view"] = name
    return calm(page.run())


def test_the_overview_and_the_table(services: Services, sid: str) -> None:
    services.store.append("another", [HumanMessage("Hello"), AIMessage("Hello.")])
    services.client.persist(services.store.protocol.keys.session(SessionId("another")))
    page = inspect()
    assert metrics(page) == {
        "Live sessions": "2",
        "Messages": "4",
        "Bytes": metrics(page)["Bytes"],
        "Expire in 5 min": "0",
        "No expiry": "1",
        "Quarantined": "0",
        "Cross-talk": "0",
    }
    assert [warning.value for warning in page.warning] == [
        "1 session never expires and is not pinned. Filter by “no expiry”."
    ]
    table = page.dataframe[0].value
    assert list(table["Id"]) == ["another", "a-session"]
    assert list(table["Flags"]) == ["no expiry", ""]
    assert list(table["Name"]) == [friendly_name("another"), friendly_name(sid)]


def test_a_turn_in_the_chat_appears(services: Services) -> None:
    chat = visit()
    say(chat, "How long do I have to return an item?")
    page = inspect()
    table = page.dataframe[0].value
    assert [one.rstrip("…") for one in table["Id"]] == [session_of(chat)[:47]]
    assert list(table["First question"]) == ["••••••"]
    assert list(table["Expires in"]) == ["60 min"]
    assert list(page.dataframe[0].value["Turns"]) == [1]
    say(chat, "And a gift card?")
    assert list(calm(page.run()).dataframe[0].value["Turns"]) == [2]
    services.store.clear(session_of(chat))


def test_nothing_is_said_until_it_is_revealed(services: Services, sid: str) -> None:
    page = inspect(sid)
    assert "CW-4711" not in all_of(page)
    assert "characters)" in all_of(page)
    assert [
        entry.what for entry in services.store.audit.read() if entry.session == sid and "inspector" in entry.who
    ] == []
    page = inspect(sid, reveal=True)
    assert SECRET in [text.value for text in page.text]
    calm(page.run())
    entries = [entry for entry in services.store.audit.read() if entry.session == sid and "inspector" in entry.who]
    assert [entry.what for entry in entries] == ["reveal", "reveal title"]
    assert list(page.dataframe[0].value["First question"]) == [SECRET]


def test_a_session_opens_as_turns_with_the_prompt_as_it_was_sent(services: Services) -> None:
    chat = visit()
    for question in ("My order is CW-4711-ADA, can I return boots?", "And how long does that take?"):
        say(chat, question)
    sid = session_of(chat)
    page = inspect(sid)
    assert [one.value for one in page.markdown if one.value.startswith("**Turn")] == ["**Turn 1**", "**Turn 2**"]
    assert len([box for box in page.expander if box.label.startswith("Prompt as sent")]) == 2
    assert len([one for one in page.caption if " ms: load history " in one.value]) == 2
    for number in (1, 2):
        for part in ("found", "prompt"):
            page.session_state[f"{part}-{turn_view.key_of(sid, number)}"] = True
    calm(page.run())
    assert "CW-4711" not in all_of(page)
    assert not [one for one in page.markdown if "Not this session" in one.value]
    press(page, "Reveal texts")
    sent = [text.value for text in page.text]
    assert sent.count("My order is CW-4711-ADA, can I return boots?") == 3  # asked, sent, sent again
    assert RULES in sent
    assert not [one for one in page.markdown if "changed since" in one.value or "no longer stored" in one.value]
    assert next(entry.what for entry in services.store.audit.read() if entry.session == sid) == "reveal"
    press(page, "Hide texts")
    assert "CW-4711" not in all_of(page)
    services.store.clear(sid)


def test_hostile_texts_are_only_texts(services: Services) -> None:
    services.store.append("hostile", [HumanMessage(HOSTILE), AIMessage(HOSTILE)])
    key = services.store.protocol.keys.history(SessionId("hostile"))
    services.client.rpush(key, json.dumps({"session_id": HOSTILE, "type": "human", "data": {"content": HOSTILE}}))
    page = inspect("hostile", reveal=True)
    page.session_state["inspector_stored"] = "Stored JSON"
    calm(page.run())
    assert len([text for text in page.text if "javascript:alert(1)" in text.value]) == 3
    assert not set(HARMFUL) & set("".join(text.value for text in [*page.text, *page.code]))
    drawn = [element.value for element in [*page.markdown, *page.caption, *page.error]]
    assert not [text for text in drawn if "<script>" in text or "](javascript" in text]
    services.store.clear("hostile")


def test_what_is_stored_and_what_would_be_sent(services: Services, sid: str) -> None:
    page = inspect(sid, reveal=True)
    commands = [block.value for block in page.code if block.value.startswith("redis-cli ")]
    assert commands == [
        "redis-cli LRANGE 'chat_history:{a-session}' 0 -1",
        "redis-cli HGETALL 'session:{a-session}'",
    ]
    page.session_state["inspector_stored"] = "Stored JSON"
    assert '"session_id": "a-session"' in calm(page.run()).code[-1].value
    page.session_state["inspector_stored"] = "Next prompt"
    calm(page.run())
    assert any("2 of 2 stored; 0 pruned" in caption.value for caption in page.caption)
    assert "Hello?" in [text.value for text in page.text]


def test_nothing_is_changed_until_that_is_allowed(sid: str) -> None:
    page = inspect(sid)
    buttons = [button for button in page.button if str(button.key).startswith("inspector_act_")]
    assert len(buttons) == 6
    assert all(button.disabled for button in buttons)
    to_tab(page, "Import")
    assert not page.get("file_uploader")


def test_delete_confirmed_and_undone(services: Services, sid: str) -> None:
    page = act(inspect(sid, changes=True), "delete")
    assert any("This deletes 1 session and everything stored for it" in text.value for text in page.markdown)
    assert services.store.info(sid) is not None
    press(page, "Cancel")
    assert services.store.info(sid) is not None
    (confirm,) = [button for button in act(page, "delete").button if button.key == "inspector_confirm"]
    calm(confirm.click().run())
    assert services.store.info(sid) is None
    press(page, "Undo")
    assert [message.text for message in services.store.messages(sid)] == [SECRET, "Noted."]
    whats = [
        entry.what
        for entry in services.store.audit.read()
        if entry.session == sid and entry.who.startswith("inspector")
    ]
    assert whats[:3] == ["restore", "delete", "clear"]


def test_a_click_is_kept_though_its_run_is_ended_by_another_one(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = inspect(sid, changes=True)
    ended = iter([True])
    drawn = overview.draw

    def draw(context: Context) -> None:
        if next(ended, False):
            st.rerun()
        drawn(context)

    monkeypatch.setattr(overview, "draw", draw)
    act(page, "delete")
    for _ in range(2):  # as the click left it, and after a run that knows nothing of the click
        assert any("This deletes 1 session" in text.value for text in page.markdown)
        calm(page.run())
    press(page, "Cancel")
    assert not any("This deletes 1 session" in text.value for text in calm(page.run()).markdown)
    assert services.store.info(sid) is not None


def test_what_was_put_aside_is_removed_though_the_session_is_drawn_anew_meanwhile(services: Services, sid: str) -> None:
    services.client.rpush(services.store.protocol.keys.of(SessionId(sid)).history, "no JSON")
    services.store.messages(sid)
    page = inspect(sid, changes=True)
    page.session_state["inspector_stored"] = "Quarantine"
    press(calm(page.run()), "Remove")
    _, confirm = (button for button in calm(page.run()).button if button.label == "Remove")
    assert len(services.store.quarantined(SessionId(sid))) == 1
    calm(confirm.click().run())
    assert not services.store.quarantined(SessionId(sid))
    assert not [button for button in calm(page.run()).button if button.label == "Remove"]


def test_deleted_for_good_there_is_no_copy_and_the_proof_is_shown(services: Services, sid: str) -> None:
    add_document(services, sid, "mine.md", b"# Mine\n\nA document of my own, of some length.\n")
    page = act(inspect(sid, changes=True), "delete")
    (button,) = [button for button in page.button if button.key == "inspector_erase"]
    calm(button.click().run())
    assert services.library.owners() == []
    assert actions.DONE not in page.session_state
    assert not [button for button in page.button if button.label == "Undo"]
    said = [text.value for text in page.markdown]
    assert "1 session deleted for good\\." in said
    assert f":green[**Nothing is left of {friendly_name(sid)}.**]" in said
    for place in ("Redis", "Redis on disk", "Documents", "Memory of this process"):
        assert any(f":green[:material/check:] **{place}**" in text for text in said), (place, said)
    assert services.store.audit.read()[0].what == "erase"


def test_pin_several_and_back(services: Services, sid: str) -> None:
    services.store.append("another", [HumanMessage("Hello"), AIMessage("Hello.")])
    page = act(inspect(sid, "another", changes=True), "pin")
    (confirm,) = [button for button in page.button if button.key == "inspector_confirm"]
    calm(confirm.click().run())
    assert (services.store.ttl(sid), services.store.ttl("another")) == (None, None)
    press(page, "Undo")
    assert services.store.ttl(sid) is not None


def test_a_session_that_ends_while_it_is_looked_at(services: Services, sid: str) -> None:
    page = inspect(sid)
    services.store.expire_now(sid)
    calm(page.run())
    assert any("has ended" in info.value for info in page.info)


def test_the_tail_follows_turns_as_they_come(services: Services, sid: str) -> None:
    page = to_tab(inspect(), "Live tail")
    assert "Waiting for turns …" in [caption.value for caption in page.caption]
    chat = visit()
    say(chat, SECRET)
    services.store.append(sid, [HumanMessage("Hello"), AIMessage("Hello.")])
    services.store.clear(session_of(chat))
    services.store.append("another", [HumanMessage(SECRET), AIMessage("Noted.")])
    calm(page.run())
    rows = page.dataframe[0].value
    assert list(rows["Event"]) == ["started, turn 1, 2 messages", "turn 2, 4 messages"]
    assert list(rows["Session"]) == [friendly_name("another"), friendly_name(sid)]
    assert "CW-4711" not in all_of(page)
    (toggle,) = [toggle for toggle in page.toggle if toggle.key == "inspector_reveal"]
    calm(toggle.set_value(True).run())
    assert list(page.dataframe[0].value["Question"]) == [SECRET, "Hello"]
    assert "reveal title" in [entry.what for entry in services.store.audit.read() if entry.session == "another"]


def test_several_sessions_beside_each_other(services: Services, sid: str) -> None:
    for other in ("another", "third", "fourth"):
        services.store.append(other, [HumanMessage("Hello"), AIMessage("Hello.")])
    page = inspect(sid, "another", "third", "fourth")
    shown = [header.value for header in page.subheader]
    assert shown == [friendly_name(one) for one in (sid, "another", "third")]
    assert "Showing 3 of 4 selected sessions." in [caption.value for caption in page.caption]
    assert len([one for one in page.markdown if one.value == "**Turn 1**"]) == 3


def test_find_and_filter(services: Services, sid: str) -> None:
    services.store.append("another", [HumanMessage("Hello"), AIMessage("Hello.")])
    services.store.pin("another")
    page = inspect()
    assert list(put(page, "inspector_find", "anoth").dataframe[0].value["Id"]) == ["another"]
    assert list(put(page, "inspector_find", friendly_name(sid)).dataframe[0].value["Id"]) == ["a-session"]
    put(page, "inspector_find", "nobody")
    assert "No matching session." in [caption.value for caption in page.caption]
    put(page, "inspector_find", "")
    assert list(put(page, "inspector_text", "cw-4711").dataframe[0].value["Id"]) == ["a-session"]
    put(page, "inspector_text", "order")  # nor is it told who said a word
    assert len(page.dataframe[0].value) == 2
    assert any("Texts are masked" in caption.value for caption in page.caption)
    (toggle,) = [toggle for toggle in page.toggle if toggle.key == "inspector_reveal"]
    calm(toggle.set_value(True).run())
    assert list(page.dataframe[0].value["Id"]) == ["a-session"]
    put(page, "inspector_text", "")
    assert len(put(page, "inspector_order", "Largest").dataframe[0].value) == 2


def test_forensics(services: Services, sid: str) -> None:
    services.store.append("another", [HumanMessage("Where is it?"), AIMessage("CW-4711-ADA is on its way.")])
    page = to_tab(inspect(), "Forensics")
    (area,) = page.text_area
    area.set_value("CW-4711-ADA")
    press(page, "Scan")
    assert errors(page) == [
        "**Something is wrong.** 2 sessions and 4 messages read in " + errors(page)[0].split(" in ")[-1]
    ]
    findings = page.dataframe[0].value
    assert list(findings["Kind"]) == ["canary"]
    page.text_area[0].set_value("x")
    press(page, "Scan")
    assert "too short to look for" in errors(page)[0]


def test_everything_recognised_says_what_was_looked_at(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspector_module, "SAMPLE", 10)
    names = [f"other:{number}" for number in range(600)]
    services.client.mset(dict.fromkeys(names, 1))
    services.client.rpush("talk:theirs", '{"role": "user", "content": "Hi?"}')
    services.client.set("talk:unknown", "User: hello\nBot: hi\n")
    try:
        page = inspect()
        put(page, "inspector_format", "auto")
        assert any("A first look at" in caption.value for caption in page.caption)
        page = to_tab(page, "Forensics")
        press(page, "Scan")
        read = "OpenAI-style messages in a list (1)"
        wait_for(lambda: any(read in one.value for one in calm(page.run()).caption), "the scan to end")
        assert any("1 key could hold messages" in warning.value for warning in page.warning)
        assert any("Can't tell" in warning.value for warning in page.warning)
    finally:
        services.client.delete(*names, "talk:theirs", "talk:unknown")


def test_others_histories_are_read_only(services: Services) -> None:
    for message in (HumanMessage("Hi?"), AIMessage("Hello.")):
        services.client.lpush("message_store:theirs", stored(message))
    page = inspect("theirs", changes=True, reveal=True)
    put(page, "inspector_format", "community")
    assert [text.value for text in page.text] == ["Hi?", "Hello."]
    assert not [button for button in page.button if str(button.key).startswith("inspector_act_")]
    assert any("read-only" in info.value for info in page.info)
    services.client.delete("message_store:theirs")
    put(page, "inspector_format", "auto")
    assert not errors(page)


def test_what_leaked_in_a_simulation_and_in_a_room_opens_here(services: Services) -> None:
    page = inspect()
    me = session_of(page)
    run = resources.runs().start(me, ["shared-buffer"], Workload(users=6, turns=2))
    resources.runs().start("somebody-else", ["shared-buffer"], Workload(users=6, turns=2))
    room = resources.rooms().open(me, "shared-buffer")
    wait_for(lambda: not run.busy, "the simulation to end")
    calm(page.run())
    (choice,) = [box for box in page.selectbox if box.key == "inspector_recording"]
    assert choice.options[0] == "Live sessions"
    assert [option.split(":")[0] for option in choice.options[1:-1]] == [f"Room {room.code}, act 1", "Simulation"]
    put(page, "inspector_recording", f"run-{run.id}-shared-buffer")
    rows = page.dataframe[0].value
    assert len(rows) == 6
    assert rows["Foreign"].iloc[0] > 0
    told = [one.value for one in page.markdown if "Not this session" in one.value]
    assert told
    assert [badge for badge in page.markdown if "foreign" in badge.value]
    assert not [text for text in page.text if "characters)" in text.value]  # made up, so not masked
    put(page, "inspector_recording", f"room-{room.code}-1")
    assert any("Nobody spoke yet" in caption.value for caption in page.caption)
    resources.rooms().end(room.code, me)


def test_turns_of_another_app_are_shown_masked_and_what_is_foreign_in_them(services: Services) -> None:
    page = inspect()
    put(page, "inspector_recording", "traced")
    assert any("crosswire.trace(" in block.value for block in page.code)
    handler = trace(services.client, text=True)
    secret, told = "My order is ORD-48213, please remember it.", "Noted, I will remember that for you."

    def turn(session: str, *prompt: BaseMessage) -> None:
        model = FakeListChatModel(responses=[told if session == "theirs" else "I do not know your order."])
        model.invoke([*prompt], {"callbacks": [handler], "metadata": {"session_id": session}})

    turn("theirs", HumanMessage(secret))
    turn("traced", HumanMessage("Hello, who are you?"))
    turn("traced", HumanMessage(secret), HumanMessage("What is my order?"))
    assert handler.close()
    calm(page.run())
    assert list(page.dataframe[0].value["Conversation"]) == ["traced", "theirs"]
    assert "ORD-48213" not in all_of(page)
    assert any("Not in this session's history" in one.value for one in page.markdown)
    press(page, "Find whose")
    wait_for(lambda: any("Not this session's" in one.value for one in calm(page.run()).markdown), "its owner")
    assert any(friendly_name("theirs") in one.value for one in page.markdown if "Not this session's" in one.value)
    assert "ORD-48213" not in all_of(page)
    press(page, "Reveal texts")
    assert secret not in [text.value for text in page.text]  # it is the other one's, and stays masked
    assert "What is my order?" in [text.value for text in page.text]
    assert "reveal" in [entry.what for entry in services.store.audit.read() if entry.session == "traced"]
    for key in services.client.scan_iter("traces:*"):
        services.client.delete(key)


def test_examples_are_put_in_found_by_a_scan_and_taken_out(services: Services) -> None:
    page = inspect()
    (button,) = [button for button in page.button if button.label == "Fill with examples"]
    assert button.disabled
    page = inspect(changes=True)
    press(page, "Fill with examples")
    flagged = page.dataframe[0].value
    assert [flag.split(",")[0] for flag in flagged["Flags"]] == ["example"] * len(flagged)
    to_tab(page, "Forensics")
    page.text_area[0].set_value("ORD-48213-EXAMPLE")
    press(page, "Scan")
    assert {"names-other", "half-expired", "no-expiry", "broken", "canary"} <= set(page.dataframe[0].value["Kind"])
    press(page, "Remove examples")
    assert services.store.directory.count() == 0


def confirm(page: AppTest, key: str = "inspector_confirm") -> AppTest:
    (button,) = [button for button in page.button if button.key == key]
    return calm(button.click().run())


def failing(*_: object, **__: object) -> None:
    raise CrosswireError("No connection to Redis.")


def test_what_was_exported_is_imported_again(services: Services, sid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files: list[str] = []
    monkeypatch.setattr(actions, "download", lambda _, made, *args, **kwargs: files.append(made()))
    page = inspect(sid, reveal=True, changes=True)
    exported = files[0]
    assert all(SECRET in one for one in files)
    logged = [one.more["form"] for one in services.store.audit.read() if (one.what, one.session) == ("export", sid)]
    assert {"json", "markdown", "csv"} == set(logged)
    to_tab(page, "Import")
    page.file_uploader[0].set_value(("sessions.json", exported.encode(), "application/json"))
    press(calm(page.run()), "Import")
    assert [one.value for one in page.success] == ["1 session imported. The first one is selected in the table."]
    (copy,) = (row.info.id for row in services.store.directory.page().rows if row.info.id != sid)
    assert [message.text for message in services.store.messages(copy)] == [SECRET, "Noted."]
    to_tab(page, "Audit")
    assert {"import", "export"} <= set(page.dataframe[0].value["Action"])
    monkeypatch.setattr(type(services.store.audit), "read", lambda *_: [])
    assert "Nothing logged yet." in [caption.value for caption in calm(page.run()).caption]


def test_a_change_that_failed_is_said_and_so_is_an_undo(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = act(inspect(sid, changes=True), "extend")
    page.number_input(key=actions.MINUTES).set_value(5)
    with monkeypatch.context() as patched:
        patched.setattr(Changes, "do", failing)
        assert errors(confirm(page)) == ["No connection to Redis."]
    confirm(act(page, "extend"))
    assert errors(page) == []
    with monkeypatch.context() as patched:
        patched.setattr(Changes, "undo", failing)
        assert errors(press(page, "Undo")) == ["No connection to Redis."]
    assert errors(press(page, "Undo")) == []
    monkeypatch.setattr(actions, "delete_documents", lambda *_: False)
    assert errors(confirm(act(page, "clear"))) == [LATER]


def test_several_sessions_deleted_for_good_without_a_proof(services: Services, sid: str) -> None:
    services.store.append("another", [HumanMessage("Hello"), AIMessage("Hello.")])
    page = confirm(act(inspect(sid, "another", changes=True), "delete"), "inspector_erase")
    assert "2 sessions deleted for good\\." in [one.value for one in page.markdown]
    assert not [one for one in page.markdown if "Nothing is left of" in one.value]
    assert services.store.directory.count() == 0


def test_a_long_session_is_read_in_parts_and_an_empty_one_says_so(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.append(sid, [HumanMessage("And now?"), AIMessage("Now, too.")])
    monkeypatch.setattr(session_view, "PART", 1)
    page = inspect(sid, reveal=True)
    assert "And now?" in [one.value for one in page.text]
    assert SECRET not in [one.value for one in page.text]
    monkeypatch.setattr(session_view, "GAP", -1.0)
    press(page, "Show earlier (1 more)")
    assert SECRET in [one.value for one in page.text]
    assert any("later —" in one.value for one in page.caption)
    services.client.delete(services.store.protocol.keys.history(SessionId(sid)))
    page.session_state["inspector_stored"] = "Stored JSON"
    assert {"No messages.", "No elements."} <= {one.value for one in calm(page.run()).caption}


def test_masked_or_without_changes_what_is_stored_is_not_shown_nor_touched(services: Services, sid: str) -> None:
    services.client.rpush(services.store.protocol.keys.of(SessionId(sid)).history, "no JSON")
    page = inspect(sid)
    page.session_state["inspector_stored"] = "Stored JSON"
    assert "no JSON" not in all_of(calm(page.run()))
    assert any(str(button.key).startswith("inspector_reveal_json_") for button in page.button)
    page.session_state["inspector_stored"] = "Next prompt"
    assert any("would quarantine 1 element" in one.value for one in calm(page.run()).caption)
    assert not services.store.quarantined(SessionId(sid))
    services.store.messages(sid)
    page = inspect(sid, reveal=True)
    page.session_state["inspector_stored"] = "Quarantine"
    assert "no JSON" in [one.value for one in calm(page.run()).code]
    assert "Remove" not in labels(page)


def test_the_tail_tells_when_a_session_ends(services: Services, sid: str) -> None:
    page = to_tab(inspect(), "Live tail")
    services.store.clear(sid)
    assert list(calm(page.run()).dataframe[0].value["Event"]) == ["ended"]
    assert list(page.dataframe[0].value["Question"]) == [""]


def test_pages_of_the_table_and_a_search_that_fails(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.append("another", [HumanMessage("Hello"), AIMessage("Hello.")])
    monkeypatch.setattr(session_table, "ROWS", 1)
    page = inspect()
    assert list(page.dataframe[0].value["Id"]) == ["another"]
    assert list(press(page, "Next").dataframe[0].value["Id"]) == [sid]
    assert "2 to 2 of 2" in [one.value for one in page.caption]
    assert list(press(page, "Earlier").dataframe[0].value["Id"]) == ["another"]
    with monkeypatch.context() as patched:
        patched.setattr(inspector_module.Inspector, "search", failing)
        assert errors(put(page, "inspector_order", "Largest")) == ["No connection to Redis."]
    put(page, "inspector_order", "Most turns")
    services.store.append(sid, [HumanMessage("Hello"), AIMessage("Hello.")])
    assert next(iter(press(page, "Search again").dataframe[0].value["Id"])) == sid


def test_what_a_scan_found_is_opened_and_one_that_fails_says_why(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.store.append("another", [HumanMessage("Where is it?"), AIMessage("CW-4711-ADA is on its way.")])
    page = to_tab(inspect(), "Forensics")
    page.text_area[0].set_value("CW-4711-ADA")
    press(page, "Scan")
    with monkeypatch.context() as patched:
        pick(patched, 0)
        calm(page.run())
    press(page, "Open these sessions")
    assert {friendly_name(sid), friendly_name("another")} == {header.value for header in page.subheader}
    monkeypatch.setattr(forensics, "scan", failing)
    assert errors(press(to_tab(page, "Forensics"), "Scan")) == ["No connection to Redis."]


def test_figures_are_short_and_say_when_they_are_estimated(
    services: Services, sid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = {950: "950", 1_400: "1.4k", 23_000: "23k", 1_200_000: "1.2M", 7e12: "7T"}
    assert {number: overview.short(number) for number in shown} == shown
    seen = inspector_module.Inspector.overview

    def estimated(inspector: inspector_module.Inspector) -> Overview:
        found = seen(inspector)
        return replace(found, messages=replace(found.messages, value=1400, exact=False, margin=100))

    monkeypatch.setattr(inspector_module.Inspector, "overview", estimated)
    assert metrics(inspect())["Messages"] == "≈1.4k"


def test_examples_that_cannot_be_put_in_say_why(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    page = inspect(changes=True)
    monkeypatch.setattr(examples, "fill", failing)
    assert errors(press(page, "Fill with examples")) == ["No connection to Redis."]


def test_a_traced_turn_without_texts_says_what_it_lacks_and_is_forgotten(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = trace(services.client)
    model = FakeListChatModel(responses=["I do not know your order."])
    strange = HumanMessage("What was the first thing that I told you?")
    for prompt in ([HumanMessage("Hello, who are you?")], [strange, HumanMessage("What is my order?")]):
        model.invoke([*prompt], {"callbacks": [handler], "metadata": {"session_id": "traced"}})
    assert handler.close()
    page = inspect(changes=True)
    put(page, "inspector_recording", "traced")
    assert any("Text not sent\\: 17 characters" in one.value for one in page.caption)
    assert any("text not recorded" in one.value for one in page.markdown)
    monkeypatch.setattr(traced_view, "traced_owners", failing)
    assert errors(press(page, "Find whose")) == ["No connection to Redis."]
    press(page, "Forget")
    assert not page.dataframe
    for key in services.client.scan_iter("traces:*"):
        services.client.delete(key)
