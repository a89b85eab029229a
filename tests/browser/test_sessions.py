"""Two people, two browsers: each sees only its own conversation, whatever is reloaded, opened twice or stolen."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import open_target
from rag.sessions import connect
from rag.web.cookie import session_id_of
from tests.browser.conftest import NewVisit
from tests.browser.serving import AppServer
from tests.browser.talking import Visit

pytestmark = pytest.mark.browser

ADA = "My order is ORD-51206 and it goes to 14 Beech Lane."
BEN = "My order is ORD-99071 and it goes to 7 Harbour Road."
RECALL = "What is my order number and address?"


def test_two_browsers_that_talk_at_the_same_time_stay_apart_and_another_tab_of_one_catches_up(visit: NewVisit) -> None:
    ada, ben = visit(), visit()
    second = visit(ada.page.context)
    assert ada.cookie() != ben.cookie()

    ada.say(ADA)
    ben.say(BEN)  # while the first answer is still being written
    for person in (ada, ben):
        expect(person.messages).to_have_count(2)
    ada.say(RECALL)
    ben.say(RECALL)
    expect(ada.messages.nth(3)).to_contain_text("ORD-51206")
    expect(ben.messages.nth(3)).to_contain_text("ORD-99071")
    for own, other in ((ada, ("ORD-99071", "Harbour")), (ben, ("ORD-51206", "Beech"))):
        assert not any(text in own.page.content() for text in other)

    second.say(RECALL)
    expect(second.messages.nth(5)).to_contain_text("ORD-51206")
    assert ada.name() == second.name()


def test_a_browsers_session_outlives_a_reload_is_in_no_address_and_script_and_ends_with_a_new_one(
    visit: NewVisit, app: AppServer
) -> None:
    ada = visit()
    ada.ask(ADA)
    before, name, cookie = ada.transcript(), ada.name(), ada.cookie()
    assert cookie is not None
    assert cookie.split(".")[0] not in ada.page.evaluate("document.cookie")
    assert cookie.split(".")[0] not in ada.page.content()

    ada.reload()
    expect(ada.messages).to_have_count(2)

    assert (ada.transcript(), ada.name(), ada.cookie()) == (before, name, cookie)
    assert "?" not in ada.page.url
    assert "#" not in ada.page.url
    a_session_id_from_redis_is_no_cookie(ada, app)

    ada.page.get_by_role("button", name="New session").click()
    expect(ada.page.get_by_text("Start with one of these")).to_be_visible()
    ada.ready()

    assert ada.messages.count() == 0
    assert ada.cookie() != cookie
    assert ada.name() != name
    assert "ORD-51206" not in ada.page.locator("section.stMain, #stMain").first.inner_text()
    assert "ORD-51206" not in ada.ask(RECALL)


def a_session_id_from_redis_is_no_cookie(ada: Visit, app: AppServer) -> None:
    jar = next(c for c in ada.page.context.cookies() if c["name"].startswith("crosswire_"))
    session_id = session_id_of(jar["value"].split(".")[0])
    with connect("embedded", state_dir=app.state_dir) as client:
        assert client.exists(f"chat_history:{{{session_id}}}")

    for stolen in (session_id, jar["value"].replace(jar["value"].split(".")[0], session_id[:43])):
        answer = httpx.get(f"{app.url}/api/history", cookies={jar["name"]: stolen})
        assert answer.json()["messages"] == []
        assert answer.json()["session"] != session_id


def test_with_cookies_blocked_the_tab_works_and_says_so(blocking_context: BrowserContext, visit: NewVisit) -> None:
    ada = visit(blocking_context)

    assert ada.cookie() is None
    expect(ada.page.get_by_text("blocks cookies")).to_be_visible()
    ada.ask(ADA)
    assert "ORD-51206" in ada.ask(RECALL)
    ada.page.get_by_role("button", name="New session").click()
    expect(ada.page.get_by_text("Start with one of these")).to_be_visible()


def ask_until_answered(person: httpx.Client, text: str) -> str:
    """A slow machine may be told that it is busy, and when to ask again."""
    while (answer := person.post("/api/chat", json={"message": text})).status_code == 503:
        time.sleep(float(answer.headers["Retry-After"]))
    return str(answer.raise_for_status().json()["answer"])


def test_many_people_at_once_each_get_their_own(app: AppServer) -> None:
    """A client with a cookie jar is a browser: twenty of them, over HTTP, at the same time."""

    def talk(number: int) -> tuple[str, str]:
        with httpx.Client(base_url=app.url, timeout=30) as person:
            ask_until_answered(person, f"My order is ORD-{50000 + number}.")
            return f"ORD-{50000 + number}", ask_until_answered(person, "What is my order number?")

    with ThreadPoolExecutor(20) as pool:
        for own, answer in pool.map(talk, range(20)):
            assert own in answer
            assert answer.count("ORD-") == 1


def test_forty_clients_of_the_simulator_stay_apart(app: AppServer) -> None:
    with closing(open_target(app.url)) as target:
        result = simulate(target, Workload(users=40, turns=3, in_flight=16, seed=11))
    assert result.problems == ()
    assert result.report.verdict == "isolated", result.report.why
    assert (result.report.users, result.report.answered) == (40, 120)
    assert result.report.controls.recalled >= 40
