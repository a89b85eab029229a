"""`python -m rag.knowledge.parsing.worker`: reads documents from its input, one after the other, within limits.

Whatever a document does to it happens to this process alone. It ends itself: with its input, which is closed when the
process that started it is gone, and by the system's alarm, which needs neither that process nor the interpreter.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO

import orjson

from rag.errors import BadDocument
from rag.knowledge.parsing.document import ParsedDocument, refusal
from rag.knowledge.parsing.formats import load
from rag.knowledge.parsing.limits import Limits, too_much
from rag.knowledge.parsing.splitting import split
from rag.knowledge.workers import IDLE_SECONDS, alarm, channel

_GRACE = 5
"""Seconds after which a process ends that should have been ended by the one that started it."""


def parse(name: str, data: bytes) -> ParsedDocument:
    """Read and split a document in this process, without limits of time and memory. Raises BadDocument."""
    document = load(name, data)
    return replace(document, chunks=tuple(split(document)))


def main() -> None:
    """Serve until the input ends."""
    requests, answers = channel()
    _limit("RLIMIT_CORE", 0)
    alarm(IDLE_SECONDS)
    while serve(requests, answers):
        alarm(IDLE_SECONDS)


def serve(requests: IO[bytes], answers: IO[bytes]) -> bool:
    """One request, of which nothing is kept. False: there is none."""
    line = requests.readline()
    if not line:
        return False
    name, length, *given = orjson.loads(line)
    data, limits = requests.read(length), Limits(*given)
    alarm(limits.seconds + _GRACE)
    _limit("RLIMIT_AS", _size() + limits.memory if _size() else -1)
    _answer(name, data, limits, answers)
    answers.flush()
    return True


def _answer(name: str, data: bytes, limits: Limits, answers: IO[bytes]) -> None:
    try:
        document = parse(name, data)
        if len(document.chunks) > limits.passages:
            reason = f"it has more than {limits.passages:,} passages"
            raise BadDocument(name, reason, "It was skipped; split it.")  # noqa: TRY301
        answers.writelines(document.lines())
    except BadDocument as exc:
        answers.write(refusal(exc))
    except MemoryError:
        reason = f"reading it takes more than {limits.memory // 1024**2} MB of memory"
        answers.write(refusal(too_much(name, reason)))
        answers.flush()
        sys.exit(1)  # what was half done when memory ran out may be in any state


def _limit(name: str, most: int) -> None:
    with suppress(ImportError, AttributeError, ValueError, OSError):  # not on this system, or stricter already
        import resource

        which = getattr(resource, name)
        resource.setrlimit(which, (most, resource.getrlimit(which)[1]))


def _size() -> int:
    """Bytes of address space in use now; 0 where the system does not tell."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    return 0


if __name__ == "__main__":
    main()
