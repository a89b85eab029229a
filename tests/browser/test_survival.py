"""What was answered stays, whatever is killed: the app, the embedded server, both, in the middle of a conversation."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisit
from tests.browser.serving import AppServer

pytestmark = pytest.mark.browser

STATED = "My order is ORD-70123 and it goes to 3 Castle Street."
RECALL = "What is my order number?"


def test_whatever_is_stopped_or_killed_loses_no_answered_turn(visit: NewVisit, app: AppServer) -> None:
    ada = visit()
    ada.ask(STATED)
    name, said = ada.name(), ada.transcript()

    app.stop()
    app.start()
    ada.reload()
    expect(ada.messages).to_have_count(2)
    assert (ada.name(), ada.transcript()) == (name, said)

    app.kill()
    app.start()
    assert "ORD-70123" in ada.reload().ask(RECALL)

    app.redis_server().kill()
    assert "ORD-70123" in ada.reload().ask(RECALL)

    server = app.redis_server()
    app.kill()
    server.kill()
    app.start()
    ada.reload()
    expect(ada.messages).to_have_count(6)
    assert ada.transcript().count("ORD-70123") >= 3
