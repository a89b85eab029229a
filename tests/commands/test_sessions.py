"""`sessions`: listed, shown, exported, imported, changed, scanned and watched; nothing printed does anything."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from rag.commands.sessions import app
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests import PROJECT
from tests.commands.running import Call, Run, command, environment
from tests.inspector.stored_sessions import HARMFUL, HOSTILE, stored
from tests.servers import Server

SECRET = "my order is CW-4711-ADA"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = connect(server.url)
    yield client
    client.close()


@pytest.fixture
def store(client: Client) -> SessionStore:
    return SessionStore(client, key_prefix=f"{uuid4().hex[:10]}:")


@pytest.fixture
def env(server: Server, store: SessionStore, tmp_path: Path) -> dict[str, str]:
    variables = {"REDIS_URL": server.url, "HISTORY_PREFIX": store.protocol.keys.prefix, "COLUMNS": "200"}
    return environment(tmp_path / "state", **variables)


@pytest.fixture
def run(call: Call, env: dict[str, str]) -> Call:
    return lambda *arguments, typed="": call("sessions", *arguments, env=env, typed=typed)


def say(store: SessionStore, sid: str, question: str = SECRET, answer: str = "Noted.") -> None:
    with store.turn(sid) as turn:
        turn.commit([HumanMessage(question), AIMessage(answer)], documents=["returns.md"])


def done(ran: Run) -> Run:
    assert ran.returncode == 0, ran.stderr
    return ran


def audited(store: SessionStore) -> list[tuple[str, str]]:
    return [(entry.what, entry.session) for entry in store.audit.read() if entry.who == "command line"][::-1]


def test_list(run: Call, store: SessionStore) -> None:
    for number in range(5):
        say(store, f"s{number}")
    store.pin("s2")
    assert re.findall(r"\bs\d\b", done(run("list")).stdout) == ["s4", "s3", "s2", "s1", "s0"]
    assert re.findall(r"\bs\d\b", done(run("list", "--limit", "2", "--start", "1")).stdout) == ["s3", "s2"]
    assert re.findall(r"\bs\d\b", done(run("list", "--find", "s3")).stdout) == ["s3"]
    assert re.findall(r"\bs\d\b", done(run("list", "--flag", "pinned")).stdout) == ["s2"]
    assert re.findall(r"\bs\d\b", done(run("list", "--sort", "ttl", "--limit", "1")).stdout) == ["s2"]
    listed = json.loads(done(run("list", "--json", "-", "--text", "cw-4711", "--limit", "2")).stdout)
    assert (listed["total"], len(listed["sessions"])) == (5, 2)
    assert {"id", "name", "messages", "ttl", "bytes", "flags"} <= set(listed["sessions"][0])
    assert "2 of 5" in done(run("list", "--limit", "2")).stderr


def test_list_of_nothing(run: Call) -> None:
    assert done(run("list")).stdout.strip() == "No sessions."


def test_show_is_masked_until_revealed(run: Call, store: SessionStore) -> None:
    say(store, "ada")
    for arguments in (
        ("show", "ada"),
        ("show", "ada", "--json", "-"),
        ("show", "ada", "--raw"),
        ("list",),
        ("list", "--json", "-"),
    ):
        ran = done(run(*arguments))
        assert "CW-4711" not in ran.stdout + ran.stderr
    assert audited(store) == []
    assert SECRET in done(run("show", "ada", "--reveal")).stdout
    shown = json.loads(done(run("show", "ada", "--reveal", "--raw", "--json", "-")).stdout)
    assert [one["text"] for one in shown["history"]] == [SECRET, "Noted."]
    assert json.loads(shown["history"][0]["raw"])["session_id"] == "ada"
    assert audited(store) == [("reveal", "ada")] * 2


def test_nothing_hostile_reaches_the_terminal(run: Call, store: SessionStore, client: Client) -> None:
    say(store, "ada", HOSTILE, HOSTILE)
    store.append("bob", [HumanMessage("Hi"), AIMessage("Yes", id=HOSTILE)])
    client.rpush(store.protocol.keys.history("ada"), HOSTILE, json.dumps({"session_id": HOSTILE, "type": HOSTILE}))  # type: ignore[arg-type]
    for arguments in (
        ("show", "ada", "--reveal", "--raw"),
        ("show", "ada", "--reveal", "--json", "-"),
        ("list",),
        ("scan",),
        ("scan", "--json", "-"),
        *(("export", "ada", "--as", form) for form in ("json", "markdown", "csv")),
    ):
        ran = run(*arguments)
        assert not set(HARMFUL) & set(ran.stdout + ran.stderr), arguments


def test_export_delete_and_import(run: Call, store: SessionStore, tmp_path: Path) -> None:
    say(store, "ada")
    messages = store.records("ada")
    kept, copy = tmp_path / "kept.json", tmp_path / "copy.json"
    done(run("export", "ada", "-o", str(copy)))
    assert copy.stat().st_mode & 0o077 == 0
    assert run("delete", "ada").returncode != 0
    assert store.info("ada") is not None
    assert "This deletes 1 session" in run("delete", "ada", typed="n\n").stderr
    assert store.info("ada") is not None
    done(run("delete", "ada", "--keep", str(kept), typed="y\n"))
    assert store.info("ada") is None
    done(run("import", str(kept), "--restore"))
    assert [(one.message, one.at) for one in store.records("ada")] == [(one.message, one.at) for one in messages]
    made = json.loads(done(run("import", str(copy), "--json", "-")).stdout)["sessions"]
    assert made[0]["from"] == "ada"
    assert store.messages(made[0]["to"]) == store.messages("ada")
    assert done(run("delete", "ada", made[0]["to"], "--yes")).stdout == "delete: 2 sessions.\n"
    assert run("delete", "ada", "--yes").returncode == 2
    assert [what for what, sid in audited(store) if sid == "ada"] == [
        "export",
        "clear",
        "delete",
        "restore",
        "clear",
        "delete",
    ]


def test_a_file_that_cannot_be_written_deletes_nothing(run: Call, store: SessionStore) -> None:
    say(store, "ada")
    ran = run("delete", "ada", "--yes", "--keep", "/no/such/folder/x.json")
    assert (ran.returncode, "cannot be written" in ran.stderr) == (2, True)
    assert store.info("ada") is not None


def test_yes_takes_no_beginnings(run: Call, store: SessionStore) -> None:
    say(store, "ada-lovelace")
    assert run("delete", "ada", "--yes").returncode == 2
    assert store.info("ada-lovelace") is not None


def test_extend(run: Call, store: SessionStore) -> None:
    say(store, "ada")
    done(run("extend", "ada", "--lifetime", "9000"))
    assert store.ttl("ada") == pytest.approx(9000, abs=5)
    assert json.loads(done(run("extend", "ada", "--lifetime", "0", "--json", "-")).stdout)["sessions"] == ["ada"]
    assert store.ttl("ada") is None


def test_scan(run: Call, store: SessionStore, client: Client) -> None:
    assert run("scan").returncode == 2
    say(store, "ada")
    assert done(run("scan")).stdout.startswith("clean: 1 sessions, 2 messages")
    say(store, "ben", "Where is my order?", f"You said that {SECRET}.")
    found = run("scan", "--canary", "CW-4711-ADA")
    assert found.returncode == 1
    assert "canary: 1" in found.stdout
    assert "First said by the user in message 0 of ada; seen in message 1 of ben" in found.stdout
    report = json.loads(run("scan", "--canary", "CW-4711-ADA", "--json", "-").stdout)
    assert (report["verdict"], report["counts"]) == ("trouble", {"canary": 1})
    assert "limit 20%" in run("scan", "--share", "0.2").stderr


def test_others_formats(run: Call, client: Client, store: SessionStore) -> None:
    prefix = f"{uuid4().hex}:"
    client.rpush(f"{prefix}theirs", stored(AIMessage("Hello.")), stored(HumanMessage("Hi?")))
    listed = json.loads(done(run("list", "--format", "auto", "--prefix", prefix, "--json", "-")).stdout)
    assert [one["id"] for one in listed["sessions"]] == ["theirs"]
    shown = json.loads(
        done(run("show", "theirs", "--format", "community", "--prefix", prefix, "--reveal", "--json", "-")).stdout
    )
    assert [one["text"] for one in shown["history"]] == ["Hi?", "Hello."]
    assert audited(store) == []


JSON_OF: dict[str, tuple[str, ...]] = {
    "list": (),
    "show": ("ada",),
    "export": ("ada",),
    "import": ("FILE",),
    "extend": ("ada", "--lifetime", "60"),
    "delete": ("ada", "--yes"),
    "scan": (),
    "watch": ("--stop-after", "0.5"),
}


def test_every_command_reports_as_json_on_standard_output(
    run: Call, store: SessionStore, tmp_path: Path, env: dict[str, str]
) -> None:
    say(store, "ada")
    file = tmp_path / "ada.json"
    assert run("export", "ada", "--json", str(file)).stdout == file.read_text()
    assert json.loads(file.read_text())["sessions"][0]["id"] == "ada"
    for command_name, arguments in JSON_OF.items():
        given = [str(file) if one == "FILE" else one for one in arguments]
        ran = done(run(command_name, *given, "--json", "-"))
        told = (
            [json.loads(line) for line in ran.stdout.splitlines()]
            if command_name == "watch"
            else json.loads(ran.stdout)
        )
        assert told or command_name == "watch", command_name
    assert set(JSON_OF) == {
        one.name or one.callback.__name__.rstrip("_") for one in app.registered_commands if one.callback
    }


REFUSED = {
    "no such session": ("show", "nobody"),
    "not one of 'seen', 'ttl'": ("list", "--sort", "colour"),
    "not one of 'simulated'": ("list", "--flag", "nice"),
    "is no format": ("list", "--format", "mongo"),
    "not one of 'json', 'markdown', 'csv'": ("export", "ada", "--as", "pdf"),
    "cannot be read": ("import", "/no/such/file"),
    "no export of sessions": ("import", str(PROJECT / "pyproject.toml")),
    "too short to look for": ("scan", "--canary", "a"),
    "expected 0.01 to 1": ("scan", "--share", "7"),
    "expected 1 to 31536000": ("extend", "ada", "--lifetime", "99999999"),
}


@pytest.mark.parametrize("says", REFUSED)
def test_refusals_are_one_line(run: Call, store: SessionStore, says: str) -> None:
    say(store, "ada")
    ran = run(*REFUSED[says])
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


def test_watch(env: dict[str, str], store: SessionStore) -> None:
    say(store, "there")
    watching = subprocess.Popen(
        command("sessions", "watch", "--interval", "0.2", "--stop-after", "60", "--json", "-"),
        cwd=PROJECT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def news() -> tuple[str, str, str]:
        assert watching.stdout is not None
        told = json.loads(watching.stdout.readline())
        return told["what"], told["session"], told["detail"]

    try:
        assert watching.stderr is not None
        assert watching.stderr.readline() == "Watching 1 session. Ctrl-C to stop.\n"
        store.extend("there", 1)
        assert news() == ("ends", "there", "")
        say(store, "ada")
        assert news() == ("begins", "ada", "turn 1, 2 messages")
        say(store, "ada")
        assert news() == ("turn", "ada", "turn 2, 4 messages")
        store.clear("ada")
        assert news() == ("ends", "ada", "")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 0
    finally:
        watching.kill()
        watching.communicate()
