"""The inspector's door: who gets in from elsewhere, and what the page says when its store is away."""

from __future__ import annotations

import pytest
import streamlit as st
from langchain_core.messages import AIMessage, HumanMessage
from streamlit.testing.v1 import AppTest

from rag.inspector.access import NO_LOGIN, PER_ADDRESS, SHUT
from rag.ui import resources
from rag.ui.inspector import sign_in
from tests.pages.inspecting import SECRET, assert_nothing_of, inspect, metrics
from tests.pages.opening import calm, errors, opened, press
from tests.servers import Server

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "linked", lambda _: True)


def test_from_elsewhere_it_is_shut(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened() as services:
        services.store.append("a-session", [HumanMessage(SECRET), AIMessage("Noted.")])
        assert metrics(inspect())["Live sessions"] == "1"
        monkeypatch.setattr(sign_in, "linked", lambda _: False)
        page = inspect()
        assert [info.value for info in page.info] == [SHUT]
        assert [code.value for code in page.code] == ["python -m rag inspect-link"]
        assert_nothing_of(page, "a-session")


def test_a_store_that_went_away_is_said_and_comes_back() -> None:
    with Server() as server, opened(REDIS_URL=server.url) as services:
        services.store.append("a-session", [HumanMessage(SECRET), AIMessage("Noted.")])
        page = inspect("a-session")
        server.stop()
        calm(page.run())
        assert errors(page)
        assert all("cannot be reached" in error for error in errors(page))
        assert not page.dataframe
        server.start()
        assert metrics(calm(page.run()))["Live sessions"] == "0"


def test_the_password_opens_and_wrong_ones_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "ip_address", "203.0.113.7")
    with opened(INSPECTOR_PASSWORD=PASSWORD) as services:
        services.store.append("a-session", [HumanMessage(SECRET), AIMessage("Noted.")])
        resources.guard.clear()
        page = inspect()
        assert_nothing_of(page, "a-session")
        give(page, PASSWORD)
        assert metrics(page)["Live sessions"] == "1"

        other = inspect()
        for _ in range(PER_ADDRESS):
            give(other, "wrong password")
            assert errors(other) == ["This is not the password."]
        for given in ["wrong password"] * 14 + [PASSWORD]:
            give(other, given)
            assert errors(other)[0].startswith("Too many wrong passwords.")
        assert_nothing_of(other, "a-session")
        assert metrics(calm(page.run()))["Live sessions"] == "1", "who is in stays in"
        resources.guard.clear()


def give(page: AppTest, password: str) -> None:
    (box,) = page.text_input
    box.set_value(password)
    press(page, "Open")


def test_a_list_of_addresses_asks_for_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(INSPECTOR_EMAILS="ada@example.org"):
        assert errors(inspect()) == [NO_LOGIN]
        monkeypatch.setattr(sign_in, "can_log_in", lambda: True)
        monkeypatch.setattr(sign_in, "login", lambda: None)
        page = inspect()
        assert [button.label for button in page.button] == ["Log in"]
        assert not page.dataframe
