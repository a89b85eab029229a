"""`python -m rag.knowledge.storage.worker`: carries out what `writer` asks for, one request after the other."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rag.errors import CrosswireError
from rag.knowledge.storage.changes import Batch, Change
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.knowledge.storage.writer import IDLE_SECONDS


def main() -> None:
    """Serve until the input ends. Standard output is for answers only: what a library prints goes nowhere."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        idle = threading.Timer(IDLE_SECONDS, os._exit, (0,))
        idle.daemon = True
        idle.start()
        try:
            state_dir, embeddings, request = pickle.load(requests)  # noqa: S301 - the process that started this one
        except EOFError:
            return
        idle.cancel()
        batches = list(_batches(requests))  # all of it, before anybody has to wait for this process
        pickle.dump(_answer(state_dir, embeddings, request, batches), answers)
        answers.flush()


def _answer(
    state_dir: Path, embeddings: str, request: Change | frozenset[str], batches: list[Batch]
) -> str | CrosswireError | None:
    store = EmbeddedStore(state_dir, embeddings)
    try:
        with store.errors():
            if isinstance(request, Change):
                return store.apply(request, batches)
            store.delete_sessions(request)
            return None
    except CrosswireError as exc:
        return exc


def _batches(requests: IO[bytes]) -> Iterator[Batch]:
    while (batch := pickle.load(requests)) is not None:  # noqa: S301 - as above
        yield batch


if __name__ == "__main__":
    main()
