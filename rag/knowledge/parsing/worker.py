"""`python -m rag.knowledge.parsing.worker`: reads documents from its input, one after the other, within limits.

Whatever a document does to it happens to this process alone. It ends itself: with its input, which is closed when the
process that started it is gone, and by the system's alarm, which needs neither that process nor the interpreter.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import IO

import orjson

from rag.errors import BadDocument
from rag.knowledge.parsing.document import ParsedDocument, receive, send
from rag.knowledge.parsing.formats import load
from rag.knowledge.parsing.limits import Limits, too_much
from rag.knowledge.parsing.splitting import split

IDLE = 120
"""Seconds after which a process that is asked for nothing ends."""

_GRACE = 5
"""Seconds after which a process ends that should have been ended by the one that started it."""


def parse(name: str, data: bytes) -> ParsedDocument:
    """Read and split a document in this process, without limits of time and memory. Raises BadDocument."""
    loaded = load(name, data)
    return ParsedDocument(loaded.title, loaded.keywords, loaded.asked, loaded.text, tuple(split(loaded)))


def main() -> None:
    """Serve until the input ends. Standard output is for answers only: what a library prints goes nowhere."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit("RLIMIT_CORE", 0)
    try:
        while True:
            _alarm(IDLE)
            name, seconds, passages, memory = orjson.loads(receive(requests))
            data = receive(requests)
            _alarm(seconds + _GRACE)
            _limit("RLIMIT_AS", _size() + memory if _size() else -1)
            _answer(name, data, Limits(seconds, passages, memory), answers)
    except EOFError:
        return


def _answer(name: str, data: bytes, limits: Limits, answers: IO[bytes]) -> None:
    try:
        document = parse(name, data)
        if len(document.chunks) > limits.passages:
            reason = f"it has more than {limits.passages:,} passages"
            raise BadDocument(name, reason, "It was skipped; split it.")  # noqa: TRY301
        for frame in document.frames():
            send(answers, frame)
        answers.flush()
    except BadDocument as exc:
        _refuse(exc, answers)
    except MemoryError:
        _refuse(too_much(name, f"reading it takes more than {limits.memory // 1024**2} MB of memory"), answers)
        sys.exit(1)  # what was half done when memory ran out may be in any state


def _refuse(exc: BadDocument, answers: IO[bytes]) -> None:
    send(answers, orjson.dumps({"bad": [exc.reason, exc.todo]}))
    answers.flush()


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit(name: str, most: int) -> None:
    try:
        import resource

        which = getattr(resource, name)
        resource.setrlimit(which, (most, resource.getrlimit(which)[1]))
    except (ImportError, AttributeError, ValueError, OSError):
        pass  # not on this system, or stricter already


def _size() -> int:
    """Bytes of address space in use now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


if __name__ == "__main__":
    main()
