"""Connections that are used again at once: never another's reply, never more than the pool allows, nobody starves."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, cast

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from rag.sessions.protocol.requests import Request
from rag.sessions.protocol.scripts import Script
from rag.sessions.protocol.steps import run
from rag.sessions.turns.sending import Sender
from tests.servers import Server

PAIR: list[BaseMessage] = [HumanMessage("question"), AIMessage("answer")]
ECHO = Script("return ARGV[1]")


def echo(text: str) -> Request[str]:
    return Request(ECHO, (), (text,), bytes.decode)


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("times", [1, 10])
def test_a_reply_that_nobody_waited_for_is_never_anothers(
    client: Client, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(client, "here")

    def ask(request: Request[str]) -> str:
        return run(sender.answer(request))

    assert ask(echo("first")) == "first"
    for _ in range(times):
        with monkeypatch.context() as patched:
            patched.setattr(cast(Any, client).connection_pool.connection_class, "read_response", interrupt)
            with pytest.raises(KeyboardInterrupt):
                ask(echo("secret"))
        assert ask(echo("next")) == "next"
    assert [ask(echo(str(number))) for number in range(20)] == [str(number) for number in range(20)]
    assert client.echo("by the pool") == b"by the pool"


def test_an_error_in_reply_leaves_the_connection_clean(client: Client) -> None:
    sender = Sender(client, "here")

    def ask(request: Request[str]) -> str:
        return run(sender.answer(request))

    for number in range(5):
        with pytest.raises(Exception, match="asked for it"):
            ask(Request(Script("return redis.error_reply('ERR asked for it')"), (), (), str))
        assert ask(echo(str(number))) == str(number)


@pytest.mark.parametrize("most", [1, 2, 8, 40])
def test_more_threads_than_connections(valkey: Server, sid: str, most: int) -> None:
    client = connect(valkey.url, max_connections=most, pool_timeout=20)
    store = SessionStore(client)

    def talk(number: int) -> int:
        for _ in range(10):
            store.append(f"{sid}-{number}", PAIR)
            client.ping()  # which takes its connection from the pool itself
        return len(store.messages(f"{sid}-{number}"))

    with ThreadPoolExecutor(30) as threads:
        assert list(threads.map(talk, range(30))) == [20] * 30
    client.close()


def test_connections_that_the_server_closed(sid: str) -> None:
    with Server() as server, server.client() as other:
        client = connect(server.url)
        store = SessionStore(client)
        store.append(sid, PAIR)
        for number in range(5):
            other.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            store.append(sid, PAIR)
            assert len(store.messages(sid)) == 2 * (number + 2)
        client.close()


def test_a_fork_takes_none_of_its_parents(client: Client, sid: str) -> None:
    store = SessionStore(client)
    forked = multiprocessing.get_context("fork")
    store.append(sid, PAIR)
    ours, theirs = forked.Pipe()

    def child(pipe: Connection) -> None:
        for _ in range(20):
            store.append(sid, PAIR)
        pipe.send(len(store.messages(sid)) >= 42)

    process = forked.Process(target=child, args=(theirs,))
    process.start()
    for _ in range(20):
        store.append(sid, PAIR)
    assert ours.poll(30)
    assert ours.recv()
    process.join(10)
    assert [record.turn for record in store.records(sid)] == [turn for turn in range(1, 42) for _ in PAIR]
