"""A process of its own that forks in the middle of something, to see what its child makes of that.

    python -m tests.sessions.turns.forking SCENE,… URL PREFIX SESSION

It says what its child found, a line each. The child of `holds` is left running, its number is what is said.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic, sleep
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from rag.sessions import SessionStore, connect
from rag.sessions.turns.lease import HEARTBEAT
from tests.servers import wait_for

LEASE = 1.0
"""Seconds. Shorter ones ran out where a busy machine let a process wait."""
PAIR: list[BaseMessage] = [HumanMessage("question"), AIMessage("answer")]


def say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def child_of(work: Callable[[], None], seconds: float = 20) -> None:
    """Fork, and see that the child does this and ends."""
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException as exc:
            say(f"{type(exc).__name__}: {exc}")
        finally:
            os._exit(0)
    until = monotonic() + seconds
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        if monotonic() > until:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            say("the child never ended")
            return
        sleep(0.02)


def holds(store: SessionStore, sid: str) -> None:
    """The parent has a turn; its child goes on and has turns of another session."""
    with store.turn(sid):
        sleep(LEASE)
        pid = os.fork()
        while not pid:
            with store.turn(f"{sid}-child") as turn:
                sleep(1.2 * LEASE)
                turn.commit(PAIR)
        say(pid)
        sleep(60)


def unwinds(store: SessionStore, sid: str) -> None:
    """The parent has a turn, and its child leaves the block of it."""
    with store.turn(sid) as turn:
        if not (pid := os.fork()):
            return
        os.waitpid(pid, 0)
        say(turn.commit(PAIR))


def locked(store: SessionStore, sid: str) -> None:
    """Another thread of the parent holds each lock there is."""
    store.append(sid, PAIR)
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as locks:
            locks.enter_context(store.protocol.cache._lock)
            locks.enter_context(HEARTBEAT._changed)
            locks.enter_context(store._sender.waiters._lock)
            held.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def work() -> None:
        with store.turn(sid) as turn:
            other = threading.Thread(target=store.append, args=(sid, PAIR))  # waits
            other.start()
            sleep(LEASE)
            turn.commit(PAIR)
        other.join()
        say(len(store.messages(sid)))

    child_of(work)
    done.set()
    thread.join()


def waits(store: SessionStore, sid: str) -> None:
    """The parent waits for a turn of one session when it forks, the child for one of another afterwards."""
    client = cast(Any, store._client)
    name = store.protocol.name
    with store.turn(sid):
        waiting = threading.Thread(target=store.append, args=(sid, PAIR))
        waiting.start()
        wait_for(lambda: client.pubsub_numsub(f"turns:{name}")[0][1] == 1, "the parent listens")

        def work() -> None:
            say(store.protocol.name != name)
            say(client.pubsub_numsub(f"turns:{store.protocol.name}")[0][1])
            with store.turn(f"{sid}-child"):
                other = threading.Thread(target=store.append, args=(f"{sid}-child", PAIR))
                other.start()
                wait_for(lambda: client.pubsub_numsub(f"turns:{store.protocol.name}")[0][1] == 1, "the child listens")
            other.join()
            wait_for(lambda: client.pubsub_numsub(f"turns:{store.protocol.name}")[0][1] == 0, "nobody listens")

        child_of(work)
    waiting.join()


SCENES = {scene.__name__: scene for scene in (holds, unwinds, locked, waits)}


def main(scenes: str, url: str, prefix: str, sid: str) -> None:
    """scenes: one or more, with commas between."""
    parent = os.getpid()
    for scene in scenes.split(","):
        SCENES[scene](SessionStore(connect(url), key_prefix=prefix, lease=LEASE), f"{sid}-{scene}")
        if os.getpid() != parent:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
