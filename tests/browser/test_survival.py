"""What was answered stays, whatever is killed: the app, the embedded server, both, in the middle of a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisit
from tests.browser.serving import AppServer, serving

pytestmark = pytest.mark.browser

STATED = "My order is ORD-70123 and it goes to 3 Castle Street."
RECALL = "What is my order number?"


@pytest.fixture
def fragile(tmp_path: Path) -> Iterator[AppServer]:
    """An application of this test's own, to be broken."""
    with serving(tmp_path / "state") as server:
        yield server


def test_whatever_is_stopped_or_killed_loses_no_answered_turn(visit: NewVisit, fragile: AppServer) -> None:
    ada = visit(url=fragile.url)
    ada.ask(STATED)
    name, said = ada.name(), ada.transcript()

    fragile.stop()
    fragile.start()
    ada.reload()
    expect(ada.messages).to_have_count(2)
    assert (ada.name(), ada.transcript()) == (name, said)

    fragile.kill()
    fragile.start()
    assert "ORD-70123" in ada.reload().ask(RECALL)

    fragile.redis_server().kill()
    assert "ORD-70123" in ada.reload().ask(RECALL)

    server = fragile.redis_server()
    fragile.kill()
    server.kill()
    fragile.start()
    ada.reload()
    expect(ada.messages).to_have_count(6)
    assert ada.transcript().count("ORD-70123") >= 3
