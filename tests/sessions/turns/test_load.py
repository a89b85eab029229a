"""Many turns at once, of many sessions and of one, by threads and by processes: each stored once, whole, in order."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests.servers import Cluster, Server
from tests.sessions.turns.load import Said, check, talk

PROCESSES = 2


@pytest.fixture
def prefix() -> str:
    return f"{uuid4().hex[:12]}:"


@pytest.fixture
def hundred(sid: str) -> list[str]:
    return [f"{sid}-{number}" for number in range(100)]


def from_processes(url: str, prefix: str, sessions: Sequence[str], threads: int, turns: int) -> list[Said]:
    command = [sys.executable, "-m", "tests.sessions.turns.load", url, prefix, str(threads), str(turns), *sessions]
    with ExitStack() as started:
        crowd = []
        for _ in range(PROCESSES):
            one = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]
            )
            started.callback(one.wait)
            started.callback(one.kill)
            crowd.append(one)
        for one in crowd:
            assert one.stdin is not None
            one.stdin.write("go\n")
            one.stdin.flush()
        printed = [one.communicate()[0] for one in crowd]
    return [Said(*values) for each in printed for values in json.loads(each)]


def test_a_hundred_threads_over_a_hundred_sessions(client: Client, prefix: str, hundred: list[str]) -> None:
    store = SessionStore(client, key_prefix=prefix)
    said = talk(store, hundred, threads=100, turns=20, name="t")
    assert len(said) == 2000
    check(store, said)
    check(SessionStore(client, key_prefix=prefix), said)  # which remembers nothing
    assert store.directory.count() == 100


def test_fifty_threads_on_one_session(client: Client, prefix: str, sid: str) -> None:
    store = SessionStore(client, key_prefix=prefix)
    said = talk(store, [sid], threads=50, turns=10, name="t")
    assert len(said) == 500
    check(SessionStore(client, key_prefix=prefix, max_turns=500), said)


def test_processes_over_a_hundred_sessions_and_on_one(
    valkey: Server, client: Client, prefix: str, hundred: list[str]
) -> None:
    said = from_processes(valkey.url, prefix, hundred, threads=25, turns=40)
    assert len(said) == PROCESSES * (25 * 40 + 12 * 20)
    check(SessionStore(client, key_prefix=prefix), said)


def test_a_cluster(cluster: Cluster, prefix: str, hundred: list[str]) -> None:
    client = connect(cluster.url)
    store = SessionStore(client, key_prefix=prefix)
    said = talk(store, hundred, threads=30, turns=20, name="t")
    check(SessionStore(client, key_prefix=prefix), said)
    assert store.directory.count() == len({one.session for one in said})
    client.close()
