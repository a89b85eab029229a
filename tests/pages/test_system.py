"""The page System: for operators only, without a secret, and plain about what fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from streamlit.testing.v1 import AppTest

from rag.errors import SessionStoreUnavailable
from rag.probe import Probe, probe_if_due
from rag.services import Services
from rag.ui.inspector import sign_in
from tests.pages.inspecting import all_of, metrics
from tests.pages.opening import errors, opened, say, tab, to, visit

KEY = "sk-of-nobody-else-4711"
PASSWORD = "hunter2-hunter2"


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    with opened(INSPECTOR_PASSWORD=PASSWORD, SESSION_SECRET=KEY * 2) as services:
        yield services


def system() -> AppTest:
    return to("system.py", tab())


def test_the_page(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    say(visit(), "How long do I have to return an item?")
    shut = system()
    assert not shut.metric
    assert not shut.dataframe
    monkeypatch.setattr(sign_in, "unlocked", lambda _: True)
    monkeypatch.setattr(sign_in, "opened", lambda *_: True)
    page = system()
    assert [info.value for info in page.info] == [
        "No probe has been made yet: the first one comes a minute after the start."
    ]
    assert {name: metrics(page)[name] for name in ("Live sessions", "Turns answered", "Foreign")} == {
        "Live sessions": "1",
        "Turns answered": "1",
        "Foreign": "0",
    }
    sent = all_of(page)
    assert KEY not in sent
    assert PASSWORD not in sent
    assert "SESSION_SECRET,set (not shown)" in sent

    probe_if_due(services)
    assert page.run().success[-1].value == "The two stayed apart in 1 of 1 probe."
    planted = Probe(time.time(), "anomalies", "1 leak", 0.01)
    services.client.lpush(services.store.protocol.keys.probe_history, json.dumps(asdict(planted)))
    (told,) = errors(page.run())
    assert re.fullmatch(r"Cross-talk in 1 of 2 probes, last at \d\d:\d\d:\d\d UTC: 1 leak", told)
    assert [caption.value for caption in page.caption][-1] == "Covers store, memory, library and turns."

    redis, history = services.client, services.store.protocol.keys.probe_history
    redis.delete(history)
    for minutes in (27, 26, 6):
        old = Probe(time.time() - 60 * minutes, "isolated", "no leak", 0.01, "gpt-4o-mini")
        redis.lpush(history, json.dumps(asdict(old)))
    assert (
        page.run().warning[-1].value == "The newest probe is 6 min old, and one is due each minute. The log says why."
    )
    assert "the client of the model gpt\\-4o\\-mini" in page.caption[-1].value
    redis.lpush(history, json.dumps(asdict(Probe(time.time() - 5, "isolated", "no leak", 0.01))))
    assert page.run().success[-1].value == "The two stayed apart in 4 of 4 probes; 24 minutes had none."
    redis.lpush(history, json.dumps(asdict(Probe(time.time(), "unknown", "no answer", 0.01))))
    assert page.run().warning[-1].value == "The newest probe can't tell: no answer"

    redis.delete(history)
    with monkeypatch.context() as patched:
        patched.setitem(services.settings.__dict__, "canary_probe", False)
        assert "Switched off by CANARY_PROBE." in [caption.value for caption in page.run().caption]
        assert not page.info

    def gone() -> int:
        raise SessionStoreUnavailable("redis://127.0.0.1", "gone")

    monkeypatch.setattr(type(services.store.directory), "count", lambda _: gone())
    page.run()
    assert "No probe is made while Redis is away" in page.caption[-1].value
    assert set(metrics(page)) == {"Turns answered", "Turns failed", "Refused"}
