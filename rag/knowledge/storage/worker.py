"""`python -m rag.knowledge.storage.worker`: carries out what an EmbeddedStore asks for, one request after the other."""

from __future__ import annotations

import gc
import pickle
from contextlib import suppress
from functools import partial
from typing import IO

from rag.errors import CrosswireError
from rag.knowledge.storage.embedded import EmbeddedStore
from rag.knowledge.workers import IDLE_SECONDS, alarm, channel


def main() -> None:
    """Serve until the input ends."""
    gc.disable()  # what the first request loads stays to the end, and would be looked through again and again
    requests, answers = channel()
    alarm(IDLE_SECONDS)
    with suppress(EOFError):
        serve(requests, answers)
        gc.freeze()
        gc.enable()
        while True:
            alarm(IDLE_SECONDS)
            serve(requests, answers)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """One request, of which nothing is kept. Raises EOFError if there is none."""
    state_dir, embeddings, request = pickle.load(requests)  # noqa: S301 - the process that started this one
    alarm(0)
    batches = list(iter(partial(pickle.load, requests), None))  # all, before anybody has to wait for this one
    store = EmbeddedStore(state_dir, embeddings)
    try:
        with store.errors():
            answer: str | CrosswireError = store.carry_out(request, batches)
    except CrosswireError as exc:
        answer = exc
    pickle.dump(answer, answers)
    answers.flush()


if __name__ == "__main__":
    main()
