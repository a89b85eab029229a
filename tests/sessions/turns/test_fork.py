"""A child of fork() has nothing of its parent's: no turns, no locks, no waiters, nothing that is yet to be written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from rag.sessions import SessionStore
from rag.sessions.connection.connect import Client
from tests.servers import Server, wait_for
from tests.sessions.turns.forking import LEASE

PREFIX = "fork:"


def run(scene: str, url: str, sid: str) -> list[str]:
    command = [sys.executable, "-m", "tests.sessions.turns.forking", scene, url, PREFIX, sid]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True, timeout=60)
    return done.stdout.splitlines()


def test_a_child_does_not_keep_its_dead_parents_turn(valkey: Server, client: Client, sid: str) -> None:
    command = [sys.executable, "-m", "tests.sessions.turns.forking", "holds", valkey.url, PREFIX, sid]
    store, sid = SessionStore(client, key_prefix=PREFIX, lease=LEASE), f"{sid}-holds"
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            # When the child holds turns of its own, and renews them.
            wait_for(lambda: store.messages(f"{sid}-child"), "the child's first turn")
            parent.kill()
            with store.turn(sid, wait=10 * LEASE) as turn:
                assert turn.messages == []
            wait_for(lambda: len(store.messages(f"{sid}-child")) > 4, "the child goes on")
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_child_is_nobodys_holder_and_waits_under_its_own_name(valkey: Server, sid: str) -> None:
    ends, locked, *waits = run("unwinds,locked,waits", valkey.url, sid)
    assert ends == "1"  # it does not end its parent's turn
    assert locked == "6"  # it waits for no lock of its parent's threads
    assert waits == ["True", "0"]  # and listens no longer than it has to
