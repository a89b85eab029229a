"""The page System: for operators only, without a secret, and plain about what fails."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest
from streamlit.testing.v1 import AppTest

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
    assert page.run().success[-1].value == "The two stayed apart in 1 of the newest 1 probes."
    planted = Probe(time.time(), "anomalies", "1 leak", 0.01)
    services.client.lpush(services.store.protocol.keys.probe_history, json.dumps(asdict(planted)))
    assert errors(page.run()) == ["Cross-talk in 1 of the newest 2 probes."]
