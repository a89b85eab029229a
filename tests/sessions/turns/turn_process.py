"""A process of its own that takes turns, to be killed or suspended in the middle of one.

    python -m tests.sessions.turns.turn_process URL PREFIX SESSION LEASE hold|wait|serve

It says `held` when it has the turn (`asking` before it waits for one), commits when it is sent a line, then says
`stored N` or the name of the error.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

from langchain_core.messages import AIMessage, HumanMessage

from rag.errors import CrosswireError
from rag.sessions import SessionStore, connect


class TurnProcess:
    """Its handle."""

    def __init__(self, url: str, prefix: str, sid: str, *, lease: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, url, prefix, sid, str(lease)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )

    def hears(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(url: str, prefix: str, sid: str, lease: str) -> None:
    store = SessionStore(connect(url), key_prefix=prefix, lease=float(lease))
    try:
        with store.turn(sid, wait=30, on_wait=lambda: say("waits")) as turn:
            say("held")
            sys.stdin.readline()
            number = turn.commit([HumanMessage("from another process"), AIMessage("stored there")])
            say(f"stored {number}")
    except CrosswireError as exc:
        say(type(exc).__name__)


if __name__ == "__main__":
    main(*sys.argv[1:])
