"""`python -m rag.knowledge.storage.worker`: carries out what an EmbeddedStore asks for, one request after the other."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from rag.errors import CrosswireError
from rag.knowledge.storage.chroma import Batch, Change
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.knowledge.workers import IDLE_SECONDS, alarm, channel


def main() -> None:
    """Serve until the input ends."""
    requests, answers = channel()
    alarm(IDLE_SECONDS)
    with suppress(EOFError):
        while True:
            state_dir, embeddings, request = pickle.load(requests)  # noqa: S301 - the process that started this one
            alarm(0)
            batches = list(_batches(requests))  # all of it, before anybody has to wait for this process
            pickle.dump(_answer(state_dir, embeddings, request, batches), answers)
            answers.flush()
            alarm(IDLE_SECONDS)


def _answer(
    state_dir: Path, embeddings: str, request: Change | frozenset[str], batches: list[Batch]
) -> str | CrosswireError:
    store = EmbeddedStore(state_dir, embeddings)
    try:
        with store.errors():
            return store.carry_out(request, batches)
    except CrosswireError as exc:
        return exc


def _batches(requests: IO[bytes]) -> Iterator[Batch]:
    while (batch := pickle.load(requests)) is not None:  # noqa: S301 - as above
        yield batch


if __name__ == "__main__":
    main()
