"""A real store for every test of a turn, on an embedded server of its own, and a session id of the test's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from rag.sessions import SessionStore, connect


@pytest.fixture(scope="session")
def store() -> Iterator[SessionStore]:
    # Not tmp_path: a Unix socket's path may have about 100 characters.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        client = connect("embedded", state_dir=Path(folder))
        yield SessionStore(client)
        client.close()


@pytest.fixture
def sid() -> str:
    return f"test-{uuid4().hex}"
