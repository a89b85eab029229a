"""The simulate page's part “Your chat”: recognised, edited, asked a few questions, run; and who may ask what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from streamlit.testing.v1 import AppTest

from rag.crosstalk import Workload
from rag.crosstalk.background.runs import YOURS, Box
from rag.crosstalk.targets.onboarding import pasted
from rag.crosstalk.targets.trust import LOCAL_VISITOR
from rag.services import Services
from rag.ui import resources
from tests.crosstalk.targets.test_probe import Odd
from tests.pages.opening import calm, errors, labels, press, session_of, visit
from tests.servers import wait_for
from tests.web.serving import serving


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    odd = Odd()
    calls = {"wrapped": odd.wrapped, "by-address": odd.by_address, "empty": odd.empty}
    with serving(Starlette(routes=[Route(f"/{path}", call, methods=["POST"]) for path, call in calls.items()])) as it:
        yield it


def stranger() -> AppTest:
    page = visit()
    page.switch_page("simulate.py")
    page.session_state["part"] = ":material/link: Your chat"
    return calm(page.run())


@pytest.fixture
def page(services: Services) -> AppTest:
    """Of somebody who has unlocked the inspector, and so may ask this machine."""
    page = stranger()
    page.session_state["inspector_passed"] = True
    return calm(page.run())


def put(page: AppTest, key: str, value: str) -> AppTest:
    (field,) = [one for one in page.text_area if one.key == key]
    return calm(field.set_value(value).run())


def settled(page: AppTest, slot: str) -> AppTest:
    """When the work in the background is done."""
    if slot in page.session_state:
        job = page.session_state[slot]
        wait_for(lambda: not job.running(), "the end of the work", seconds=30)
    return calm(page.run())


def recognised(page: AppTest, text: str) -> AppTest:
    put(page, "chat_pasted", text)
    press(page, next(label for label in labels(page) if label.startswith("Recognise")))
    return settled(page, "chat_looking")


def asked(page: AppTest) -> AppTest:
    press(page, next(label for label in labels(page) if label.startswith("Ask ")))
    return settled(page, "chat_asking")


def spec(page: AppTest) -> str:
    return str(page.session_state["chat_spec"])


def command(url: str) -> str:
    return f'curl {url} --json \'{{"message": "Hi", "session_id": "s"}}\''


def texts(page: AppTest) -> str:
    return "\n".join(str(one.value) for one in [*page.markdown, *page.caption, *page.text]).replace("\\", "")


def enabled(page: AppTest, label: str) -> bool:
    (button,) = [one for one in page.button if one.label == label]
    return not button.disabled


def few(page: AppTest) -> AppTest:
    for key, value in {"users": 4, "turns": 2}.items():
        (number,) = [one for one in page.number_input if one.key == f"chat_{key}"]
        calm(number.set_value(value).run())
    return page


def test_somebody_new_sees_three_steps(page: AppTest) -> None:
    assert "three steps" in texts(page)
    assert "asks public addresses for anyone" in texts(page)
    assert "Recognise" in labels(page)


@pytest.mark.parametrize(("path", "verdict"), [("wrapped", "isolated"), ("by-address", "anomalies")])
def test_from_a_curl_command_to_a_verdict(path: str, verdict: str, page: AppTest, url: str) -> None:
    recognised(page, command(f"{url}/{path}"))
    assert "message: '{text}'" in spec(page)
    assert not enabled(page, "Simulate")
    asked(page)
    assert "answer: " in spec(page).splitlines()[-1]
    assert "It answers, within" in texts(page)
    assert "It remembers" in texts(page)
    assert ("shows one user another one's data already" in texts(page)) == (verdict == "anomalies")
    assert [one.name for one in page.chat_message][:2] == ["user", "assistant"]
    few(page)
    assert not enabled(page, "Simulate")
    (agreed,) = page.checkbox
    assert agreed.label == f"This sends 8 messages to `{url}/{path}`."
    calm(agreed.check().run())
    press(page, "Simulate")
    found = page.query_params["run"]
    run = resources.runs().find(session_of(page), found if isinstance(found, str) else found[0])
    assert run is not None
    wait_for(lambda: not run.busy, "the end of the run", seconds=30)
    calm(page.run())
    (outcome,) = run.outcomes.values()
    assert outcome.report.verdict == verdict, outcome.report.why
    assert f"##### `{url}/{path}`" in texts(page)
    assert not any("Source" in tab.label for tab in page.tabs)
    page.session_state["results"] = ":material/download: Files"
    assert f"--target {url}/{path} --users 4" in texts(calm(page.run()))
    stored = (run.folder / "run.json").read_text()
    assert f"{url}/{path}" in stored
    assert "session_id" not in stored


def test_a_chat_that_answers_nobody_is_sent_nobody(page: AppTest, url: str) -> None:
    recognised(page, command(f"{url}/nowhere"))
    asked(page)
    assert "There is no chat at this address" in texts(page)
    calm(page.checkbox[0].check().run())
    assert not enabled(page, "Simulate")


def test_what_is_wrong_with_the_text_is_said_and_the_text_stays(page: AppTest, url: str) -> None:
    recognised(page, command(f"{url}/wrapped"))
    asked(page)
    put(page, "chat_spec", "json: [}")
    assert "it is not YAML (line 1" in errors(page)[0].replace("\\", "")
    assert spec(page) == "json: [}"
    assert "has changed since: ask again" in "".join(one.value for one in page.info)
    assert not enabled(page, "Ask five questions")
    recognised(page, command(f"{url}/empty"))
    assert "/empty" in spec(page)
    press(page, "Back to my earlier text")
    assert spec(page) == "json: [}"


def test_what_cannot_be_recognised_is_said_below_its_field(page: AppTest) -> None:
    for text, said in (
        ("package.module:call", "expected http://…"),
        ("http://169.254.169.254/latest", "link-local or metadata address is never asked"),
        ("curl http://h | sh", "there is a | outside of quotes"),
        ("", "Nothing cannot be simulated against"),
    ):
        recognised(page, text)
        assert said in errors(page)[0].replace("\\", "")
        assert page.session_state["chat_pasted"] == text
        assert "chat_spec" not in page.session_state


def test_a_visitor_does_not_reach_this_machine_nor_send_more_than_some(services: Services, url: str) -> None:
    page = stranger()
    recognised(page, url)
    assert "own network is asked only where" in errors(page)[0].replace("\\", "")
    recognised(page, command(f"{url}/wrapped"))
    asked(page)
    assert "own network is asked only where" in texts(page)
    (users,) = [one for one in page.number_input if one.key == "chat_users"]
    calm(users.set_value(500).run())
    assert "at most 1,000 messages" in errors(page)[0]
    assert "Simulate" not in labels(page)


def test_nobody_else_sees_what_was_pasted(page: AppTest, url: str) -> None:
    recognised(page, command(f"{url}/wrapped"))
    other = stranger()
    assert "chat_spec" not in other.session_state
    assert "three steps" in texts(other)


def test_a_run_that_takes_longer_than_it_may_is_stopped_and_has_a_verdict(services: Services, url: str) -> None:
    slow = (
        f'url: {url}/wrapped\njson: {{message: "{{text}}", session_id: "{{session}}"}}\nanswer: data.bubbles.0.text\n'
    )
    box = Box(url, slow, partial(pasted.target, slow, LOCAL_VISITOR), 1.0)
    run = resources.runs().start("somebody", [YOURS], Workload(users=4, turns=200, think=0.2), box)
    wait_for(lambda: not run.busy, "the end of the run", seconds=30)
    assert run.outcomes[YOURS].about["stopped"]
