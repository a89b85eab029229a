"""The examples as somebody runs them: each wrong one is proved wrong, and each right one right."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from streamlit.testing.v1 import AppTest

import crosswire
from rag.resources import child_environment
from tests import BARE_PYTEST, PROJECT, needs
from tests.servers import Server, free_port, wait_for

EXAMPLES = PROJECT / "examples"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDIS_URL", server.url)
        yield server.url


@pytest.fixture
def example(redis_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """In the example's folder, whose modules are found by their names alone."""
    folder = EXAMPLES / request.param
    known = set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


@contextmanager
def served(app: Any) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=(port := free_port()), log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started, "the example's server")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@pytest.mark.parametrize("example", ["fastapi_langchain"], indirect=True)
def test_the_incident_before_and_after(example: Path) -> None:
    needs.package("fastapi")
    verdicts = {}
    for name in ("before", "after"):
        with (
            served(import_module(name).app) as url,
            closing(crosswire.open_target(url, example / "target.yaml")) as target,
        ):
            verdicts[name] = crosswire.simulate(target, crosswire.Workload(users=6, turns=3)).report
    assert verdicts["before"].verdict == "anomalies"
    assert verdicts["before"].shown == 6
    assert verdicts["after"].verdict == "isolated", verdicts["after"].why
    assert verdicts["after"].recall.share == 1


@pytest.mark.parametrize("example", ["langgraph_guarded"], indirect=True)
def test_a_guarded_checkpointer_loses_no_turn(example: Path) -> None:
    needs.package("langgraph")
    found = {}
    for name in ("plain", "guarded"):
        audit = crosswire.audit(f"{example}/savers.py:{name}", only=["whole.overlapping-turns", "whole.pairs"])
        found[name] = [outcome.status for outcome in audit.outcomes]
    assert found == {"plain": ["fail", "fail"], "guarded": ["pass", "fail"]}  # what README says of both
    tabs, savers = import_module("tabs"), import_module("savers")

    async def talk() -> None:
        client = await crosswire.connect_async(os.environ["REDIS_URL"])
        store = crosswire.AsyncSessionStore(client)
        answered, kept = await tabs.two_tabs(tabs.compiled(savers.plain()))
        assert (len(answered), len(kept)) == (2, 2)  # one of them is lost
        answered, kept = await tabs.two_tabs(tabs.compiled(savers.guarded()))
        assert len(answered) == 1  # the other one was refused
        assert answered[0] in kept
        answered, kept = await tabs.two_tabs(tabs.compiled(savers.guarded()), store)
        assert sorted(kept[1::2]) == sorted(answered)
        assert kept[1::2] == [f"noted: {text}" for text in kept[::2]]
        assert len(answered) == 2
        await client.aclose()

    asyncio.run(talk())


@pytest.mark.parametrize("name", ["wrong", "right"])
def test_what_is_behind_cache_resource_is_everybodys(name: str, redis_url: str) -> None:
    alice, bob = (AppTest.from_file(EXAMPLES / "streamlit_cache_resource" / f"{name}.py") for _ in range(2))
    alice.run().chat_input[0].set_value("I live at 12 Elm Street.").run()
    bob.run()
    assert not alice.exception
    assert not bob.exception
    assert [said.value for said in alice.text] == ["I live at 12 Elm Street.", "Noted: I live at 12 Elm Street."]
    assert [said.value for said in bob.text] == ([said.value for said in alice.text] if name == "wrong" else [])


def test_a_strangers_ci_finds_the_store_that_folds_ids(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "own_ci", tmp_path / "theirs")
    command = [sys.executable, "-P", "-m", "pytest", "-p", "crosswire.pytest_plugin", "-q", "-p", "no:cacheprovider"]
    env = {**child_environment(), **BARE_PYTEST}
    said = subprocess.run(command, cwd=tmp_path / "theirs", env=env, capture_output=True, text=True).stdout
    assert re.findall(r"^FAILED (\S+)", said, re.MULTILINE) == ["test_folding.py::folding_session::apart::case"], said
    assert re.search(r"1 failed, 16 passed, 5 skipped", said), said
