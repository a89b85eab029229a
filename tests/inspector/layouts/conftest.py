"""A Redis of the tests' own with the JSON module (json_module.c), and an empty database of it for each test."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from rag.inspector import Inspector
from rag.sessions import SessionStore, connect
from rag.sessions.connection.connect import Client
from tests import needs
from tests.commands.running import Call, caller, environment
from tests.inspector.layouts.databases import Scan, scanned
from tests.servers import Server

SOURCE = Path(__file__).with_name("json_module.c")
DATABASES = 400
_NUMBERS = count(1)


@pytest.fixture(scope="session")
def json_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    compiler = needs.program("cc", "gcc")
    module = tmp_path_factory.mktemp("module") / "json.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(module), str(SOURCE)], check=True, timeout=60)
    options = ("--loadmodule", str(module), "--databases", str(DATABASES))
    with Server(*options, program=needs.program("redis-server")) as server:
        yield server


@pytest.fixture
def url(json_server: Server) -> str:
    """Of an empty database."""
    return f"{json_server.url}?db={next(_NUMBERS)}"


@pytest.fixture
def database(url: str) -> Iterator[Client]:
    client = connect(url)
    assert client.dbsize() == 0
    yield client
    client.close()


@pytest.fixture
def auto(database: Client) -> Inspector:
    return Inspector(database, SessionStore(database)).of("auto")


@pytest.fixture
def scan_all(database: Client) -> Scan:
    return lambda *canaries: scanned(database, *canaries)


@pytest.fixture
def run(url: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> Call:  # fmt: skip
    call, env = caller(monkeypatch, capsys), environment(tmp_path_factory.mktemp("state"), REDIS_URL=url, COLUMNS="200")
    return lambda *arguments: call("sessions", *arguments, env=env)
