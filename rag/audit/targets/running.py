"""A chat that runs somewhere, asked as the simulator asks it: by its address, or by a file that describes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMES = ("http://", "https://", "ws://", "wss://")
FILES = (".yaml", ".yml")


def is_running(spec: str) -> bool:
    return spec.startswith(SCHEMES) or spec.endswith(FILES)


class Chat:
    """Each session id is a client of its own, with its own cookies."""

    def __init__(self, asked: Any) -> None:
        self.asked = asked
        self.takes_ids = asked.description.takes_sessions
        """Whether a session's id is sent. A chat that gives its own cannot be tried with others."""

    def __call__(self, session_id: str, text: str) -> str:
        return str(self.asked.call(session_id, text))


@contextlib.contextmanager
def running_chat(spec: str) -> Iterator[Chat]:
    """Raises BadTarget for what cannot be one, and TargetFailed for one that does not answer."""
    from rag.crosstalk.targets import open_described, open_target

    asked: Any = open_described(Path(spec)) if spec.endswith(FILES) else open_target(spec)
    try:
        yield Chat(asked)
    finally:
        asked.close()
