"""Stored histories whose verdict is known: every layout with a leak in it and without, and forms that nobody knows."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rag.sessions import connect
from rag.sessions.connection.connect import Client
from tests import needs
from tests.inspector.layouts.conftest import SOURCE
from tests.inspector.layouts.databases import LEAK, RIGHT, WRITERS, Said, Write, fill, scanned
from tests.inspector.layouts.test_databases import LEAKING, others
from tests.inspector.layouts.test_unknown import UNKNOWN
from tests.servers import Server

Row = tuple[str, str, str, str]
"""What is stored, the verdict that it must have, the one that it has, and the layouts that were read."""


def rows(known: Container[tuple[str, str]]) -> Iterator[Row]:
    """Of those that are not known: what is stored, and the verdict that it must have."""
    with _server() as url:
        wanted = (case for case in cases() if case[:2] not in known)
        for number, (name, expected, write) in enumerate(wanted, 1):
            client = connect(f"{url}?db={number}")
            write(client)
            report = scanned(client)
            client.close()
            read = ", ".join(f"{layout} {count}" for layout, count in report.layouts.items())
            yield name, expected, report.verdict, read


def cases() -> Iterator[tuple[str, str, Callable[[Client], object]]]:
    for name, (write, _) in LEAKING.items():
        yield f"a leak: {name}", "trouble", write
    for name, (_, one) in WRITERS.items():
        yield f"a leak: {name}", "trouble", _filling(one, LEAK)
    for name, (_, one) in WRITERS.items():
        yield f"right, beside other applications' keys: {name}", "clean", _filling(one, RIGHT, others)
    for name, unread in UNKNOWN.items():
        yield f"what nobody knows: {name.replace('_', ' ')}", "unknown", unread


def _filling(write: Write, said: Mapping[str, Said], *more: Callable[[Client], object]) -> Callable[[Client], object]:
    def all_of_it(client: Client) -> None:
        fill(client, write, said)
        for one in more:
            one(client)

    return all_of_it


@contextmanager
def _server() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="stored-"))
    module = folder / "json.so"
    subprocess.run(
        [needs.program("cc", "gcc"), "-shared", "-fPIC", "-O1", "-o", module, SOURCE], check=True, timeout=60
    )
    options = ("--loadmodule", str(module), "--databases", "200")
    with Server(*options, program=needs.program("redis-server")) as server:
        yield server.url
    shutil.rmtree(folder, ignore_errors=True)
