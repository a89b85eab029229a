"""A server of the tests' own, and session ids of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from rag.sessions import connect
from rag.sessions.connect import Client
from tests.servers import Server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def client(valkey: Server) -> Iterator[Client]:
    client = connect(valkey.url)
    yield client
    client.close()


@pytest.fixture
def sid() -> str:
    return f"test-{uuid4().hex}"
