"""Whole databases of other people's, one a test: a leak is found wherever it is, and nothing unread is called clean."""

from __future__ import annotations

import json
from collections.abc import Callable
from uuid import UUID

import pytest

from rag.inspector import LAYOUTS, Filter, Inspector, Pace
from rag.inspector.forensics.scan import Report, scan
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests.commands.running import Call
from tests.inspector.layouts.databases import (
    CANARY,
    LEAK,
    RIGHT,
    STATED,
    Scan,
    Write,
    fill,
    langchain,
    langchain4j,
    langgraph_documents,
    langgraph_hashes,
    llama_index,
    newest_first,
    oldest_first,
    openai_list,
    openai_string,
    put,
    scanned,
)

Fill = Callable[[Client], object]


def bare_ids(client: Client) -> None:
    """LangChain.js, n8n (n8n-io/n8n#7174) and Flowise (FlowiseAI/Flowise#407): the key is the session's id."""
    for number, said in enumerate(LEAK.values(), 11):
        newest_first(client, str(UUID(int=number)), said)


def quarkus(client: Client) -> None:
    for who in ("alice", "bob"):
        langchain4j(client, f"CHAT_MEMORY:{who}", LEAK[who])


def tutorial(client: Client) -> None:
    for who in ("alice", "bob"):
        openai_string(client, f"session:{who}", LEAK[who])


def two_products(client: Client) -> None:
    """The leak is in the smaller one."""
    for number in range(5):
        client.lpush(f"message_store:u{number}", langchain("user", f"question {number}"))
    for who in ("alice", "bob"):
        llama_index(client, who, LEAK[who])


def checkpointer(client: Client) -> None:
    for who in ("alice", "bob"):
        langgraph_hashes(client, who, [("user", STATED)])


def underscores(client: Client) -> None:
    for who, said in LEAK.items():
        oldest_first(client, f"chat_history_{who}", said)


def ids_with_colons(client: Client) -> None:
    for who, said in LEAK.items():
        oldest_first(client, f"{who}:1", said)


def among_many(client: Client) -> None:
    """Three histories among 8,000 keys of other applications."""
    pipe = client.pipeline(transaction=False)
    for number in range(2000):
        pipe.set(f"counter:{number}", number)
        pipe.set(f"page:{number}", "<!doctype html><html><body>Hello, you are signed in as user: 7</body></html>")
        pipe.sadd(f"likes:{number}", number, number + 1)
        pipe.set(
            f"product:{number}", json.dumps({"id": number, "type": "kettle", "title": "A blue kettle", "price": 20})
        )
    pipe.execute()
    for who, said in LEAK.items():
        newest_first(client, who, said)


def bytes_as_keys(client: Client) -> None:
    for who, said in LEAK.items():
        oldest_first(client, b"\xff\xfe" + who.encode(), said)  # type: ignore[arg-type]


def json_module(client: Client) -> None:
    fill(client, langgraph_documents, LEAK)


def in_a_summary(client: Client) -> None:
    for who in ("alice", "bob"):
        turns = [{"role": "user", "content": STATED if who == "alice" else "Where is it?"}]
        summary = "nothing yet" if who == "alice" else f"the order is {CANARY}"
        client.set(who, json.dumps({"summary": summary, "messages": turns}))


def in_an_old_checkpoint(client: Client) -> None:
    langgraph_hashes(client, "alice", LEAK["alice"])
    langgraph_hashes(client, "bob", LEAK["bob"])
    state = {"v": 1, "channel_values": {"messages": []}}
    client.hset("checkpoint$bob$$1ef9", mapping={"type": "json", "checkpoint": json.dumps(state), "metadata": "{}"})


LEAKING: dict[str, tuple[Fill, dict[str, int]]] = {
    "bare ids": (bare_ids, {"community": 3}),
    "Quarkus": (quarkus, {"langchain4j": 2}),
    "a tutorial's text": (tutorial, {"openai-string": 2}),
    "two products": (two_products, {"community": 5, "llama-index": 2}),
    "LangGraph's plain checkpointer": (checkpointer, {"langgraph": 2}),
    "names with underscores": (underscores, {"classic": 3}),
    "ids with colons": (ids_with_colons, {"classic": 3}),
    "three among thousands": (among_many, {"community": 3}),
    "keys that are no text": (bytes_as_keys, {"classic": 3}),
    "LangGraph's JSON documents": (json_module, {"langgraph": 3}),
    "in a summary": (in_a_summary, {"openai-string": 2}),
    "in an old checkpoint": (in_an_old_checkpoint, {"langgraph": 2}),
}


@pytest.mark.parametrize("kind", LEAKING)
def test_a_leak_is_found_whatever_database_it_is(database: Client, run: Call, kind: str) -> None:
    write, layouts = LEAKING[kind]
    write(database)
    ran = run("scan", "--format", "auto", "--canary", CANARY, "--share", "1", "--json", "-")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["verdict"], report["layouts"]) == (1, "trouble", layouts)
    (finding,) = [one for one in report["findings"] if one["kind"] == "canary"]
    if kind != "bare ids":
        assert "alice" in finding["explanation"]
        assert "bob" in finding["explanation"]
    told = run("scan", "--format", "auto", "--canary", CANARY, "--share", "1")
    assert told.returncode == 1
    assert f"Read: {next(iter(layouts))}" in told.stdout


@pytest.mark.parametrize("kind", ["bare ids", "three among thousands"])
def test_every_key_is_looked_at_with_progress(database: Client, kind: str) -> None:
    LEAKING[kind][0](database)
    seen: list[float] = []
    histories = Inspector(database, SessionStore(database)).of("auto").histories
    report = scan(histories, canaries=(CANARY,), pace=Pace(step=100), progress=lambda step: seen.append(step.done))
    assert report.seen.keys == database.dbsize()
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert "at most 100 elements per command" in report.load


def test_nothing_there_is_said_so(run: Call) -> None:
    ran = run("scan", "--format", "auto")
    assert ran.returncode == 2
    assert "unknown: 0 sessions" in ran.stdout
    assert "There are no keys" in ran.stdout


def test_only_others_keys_is_no_clean_database(database: Client, run: Call) -> None:
    database.mset({"counter": 7, "flag": "on"})
    ran = run("scan", "--format", "auto")
    assert ran.returncode == 2
    assert "None of 2 keys holds chat histories" in ran.stdout


def test_a_message_that_names_another_session_is_suspected(database: Client, scan_all: Scan) -> None:
    for who in ("alice", "alice", "bob"):
        database.rpush("talk", json.dumps({"session_id": who, "role": "user", "content": f"I am {who}."}))
    report = scan_all()
    assert (report.verdict, report.counts) == ("unknown", {"names-other": 1})
    assert report.findings[0].explanation == "Message 2 names bob, and those before it name alice."


def test_what_is_looked_for_is_never_passed_over(database: Client, scan_all: Scan) -> None:
    fill(database, oldest_first, {"carol": LEAK["carol"]})
    database.sadd("seen", f"<b>{CANARY}</b>")
    report = scan_all()
    assert (report.verdict, [one.key for one in report.seen.unread]) == ("unknown", ["seen"])
    assert scan_all("ANOTHER-CANARY").verdict == "clean"


def test_what_the_server_refuses_to_show_is_not_clean(database: Client, url: str) -> None:
    fill(database, oldest_first, {"carol": LEAK["carol"], "secret-alice": LEAK["alice"]})
    for name, keys, commands in (("blind", "~carol", "+@all"), ("deaf", "~*", "+@all -lrange")):
        database.execute_command("ACL", "SETUSER", name, "on", ">pw", keys, *commands.split())  # type: ignore[no-untyped-call]
        reader = connect(url.replace("unix://", f"unix://{name}:pw@"))
        report = scanned(reader)
        assert report.verdict == "unknown"
        assert "secret-alice" in [one.key for one in report.seen.unread]
        assert "does not let it be looked at" in report.seen.unread[-1].why
        reader.close()


# --- right ones


@pytest.mark.parametrize("write", [newest_first, langchain4j, llama_index, openai_list])
def test_right_histories_beside_other_applications(database: Client, scan_all: Scan, write: Write) -> None:
    fill(database, write, RIGHT)
    others(database)
    report = scan_all()
    assert (report.verdict, report.sessions) == ("clean", 2)
    assert report.seen.nothing.total() == report.seen.keys - 2
    assert len(report.seen.names["string"]) == 5
    assert report.seen.names["stream"] == ["events"]


def others(client: Client) -> None:
    client.set("counter", 42)
    client.set("page", "<html><script>chat.push({role: 'user', content: 'Hello'})</script></html>")
    client.set("session:x", json.dumps({"user": {"id": 1, "role": "user", "name": "Bob"}, "flash": {"type": "info"}}))
    client.set("github:1", json.dumps({"login": "octo", "type": "User", "bio": "I write code"}))
    client.set("token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl")
    client.set("image", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    client.sadd("ids", *range(100))
    client.zadd("scores", {"bob": 3, "alice": 7})
    client.hset("user:1", mapping={"name": "Bob", "role": "user", "email": "bob@example.org"})
    client.hset("product:1", mapping={"title": "Kettle", "description": "A kettle for your kitchen, you will like it"})
    client.rpush("queue", json.dumps({"class": "SendMail", "args": [1], "jid": "a1"}), "job-2")
    client.rpush("log", "2026-11-27 INFO we started your worker now", "2026-11-27 INFO we stopped your worker now")
    client.xadd("events", {"kind": "click", "at": "17"})
    client.set("config", json.dumps([{"type": "text", "value": "x"}, {"content": "no speaker here"}]))


def test_the_same_id_in_two_products_is_one_person(database: Client, scan_all: Scan) -> None:
    openai_list(database, "alice", RIGHT["alice"])
    langgraph_documents(database, "alice", RIGHT["alice"])
    report = scan_all()
    assert (report.verdict, report.layouts) == ("clean", {"openai-list": 1, "langgraph": 1})
    auto = Inspector(database, SessionStore(database)).of("auto")
    assert {row.info.id for row in auto.page().rows} == {"alice", "alice (langgraph)"}
    second = auto.view("alice (langgraph)")
    assert second is not None
    assert second.elements[0].said.text == STATED


def test_the_apps_own_are_read_beside_others(database: Client) -> None:
    store = SessionStore(database)
    for who, said in LEAK.items():
        from langchain_core.messages import AIMessage, HumanMessage

        if who != "bob":
            store.append(who, [HumanMessage(said[0][1]), AIMessage(said[1][1])])
    oldest_first(database, "bob", LEAK["bob"])
    report: Report = scan(Inspector(database, store).of("auto").histories, canaries=(CANARY,))
    assert (report.layouts, report.counts) == ({"crosswire": 2, "classic": 1}, {"canary": 1})
    elsewhere = SessionStore(database, key_prefix="other:")
    elsewhere.append("dave", [HumanMessage("Hm?"), AIMessage("Yes.")])
    report = scan(Inspector(database, store).of("auto").histories, canaries=(CANARY,))
    assert report.layouts == {"crosswire": 2, "classic": 1, "crosswire-elsewhere": 1}


def test_what_only_looks_wrong_accuses_nobody(database: Client, scan_all: Scan) -> None:
    """A suggestion that several press, an answer that several get, two questions in a row, ids from 1 in each."""
    asked = "Please tell me everything about the conditions under which I may send back what I ordered from your shop."
    answer = "You can return any unworn item within 45 days of delivery, in its box, and we pay for the parcel to us."
    for who in ("alice", "bob"):
        said = [("user", asked), ("assistant", answer)]
        database.rpush(
            f"a-{who}", *[json.dumps({"id": str(n), "role": r, "content": t}) for n, (r, t) in enumerate(said)]
        )
        newest_first(
            database, f"b-{who}", [("user", who), ("user", f"I am {who}, can I return it?"), ("assistant", answer)]
        )
    report = scan_all()
    assert (report.verdict, report.certain) == ("unknown", 0)
    assert set(report.counts) == {"same-text", "question-without-answer"}
    assert not any(one.certain for one in report.findings)


def test_a_first_page_is_a_sample_and_says_so(database: Client) -> None:
    among_many(database)
    auto = Inspector(database, SessionStore(database)).of("auto")
    auto.page()
    looked, total = auto.sample() or (0, 0)
    assert 5000 <= looked < total == database.dbsize()
    assert {row.info.id for row in auto.search(Filter()).rows} == set(LEAK)
    assert auto.sample() is None


def test_a_thread_is_opened_without_a_walk_and_where_its_states_are_texts(database: Client) -> None:
    langgraph_documents(database, "alice", LEAK["alice"])
    state = json.dumps({"channel_values": {"messages": [{"type": "human", "content": "Hello"}]}})
    named = {"thread_id": "bob", "checkpoint_ns": "__empty__", "checkpoint_id": "1ef1"}
    put(database, "checkpoint:bob:__empty__:1ef1", {**named, "checkpoint": state, "metadata": {}})
    for who, said in (("alice", [text for _, text in LEAK["alice"]]), ("bob", ["Hello"])):
        view = Inspector(database, SessionStore(database), LAYOUTS["langgraph"]).view(who)
        assert view is not None
        assert [one.said.text for one in view.elements] == said


def test_a_document_whose_key_does_not_say_whose_it_is_is_named(database: Client, scan_all: Scan) -> None:
    put(database, "odd", {"type": "human", "data": {"content": "Hello", "type": "human"}, "session_id": "ada"})
    report = scan_all()
    assert report.verdict == "unknown"
    assert [one.why for one in report.seen.unread if "does not say whose it is" in one.why]
