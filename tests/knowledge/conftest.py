"""Other processes that use the library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.knowledge.peer import Peer


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Callable[..., Peer]]:
    """Starts another process; killed at the end."""
    started: list[Peer] = []

    def start(**overrides: str) -> Peer:
        started.append(Peer(tmp_path, **overrides))
        return started[-1]

    yield start
    for one in started:
        one.kill()
