"""Two replicas behind the shipped nginx, on a cluster with replicas and a Chroma server: a session is everybody's."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewVisit
from tests.browser.serving import AppServer
from tests.browser.talking import Visit
from tests.chat.faulty_server import FaultyServer, Handler, faulty_server
from tests.faults.verdict import judge
from tests.faults.world import SECRET
from tests.machines.deployment import Deployment, deployment
from tests.machines.people import Seen, talking
from tests.servers import wait_for
from tests.web.page_socket import drawn

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(300)]  # eleven servers start first

CODE, ORDER = "ZEBRA-77", "ORD-70123"
_KNOWN = re.compile(r"LK-[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{6}|ORD-\d{5}|ZEBRA-\d\d")
HELD = "Tell me slowly."


class Model:
    """Tells what it was shown, and where it is asked slowly, the rest of it after `go`."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.held = 0

    def __call__(self, handler: Handler) -> None:
        asked = handler.asked["messages"]
        last = asked[-1]["content"]
        handler.begin()
        if "\nCustomer: " in last:  # the question on its own
            handler.word(last.rpartition("Customer: ")[2])
        else:
            handler.word("I know of: ")
            if HELD in last:
                self.held += 1
                self.go.wait(60)
            handler.word(", ".join(dict.fromkeys(_KNOWN.findall(json.dumps(asked)))) or "nothing")
        handler.word(None, "stop")
        handler.send("data: [DONE]\n\n")
        handler.end()


@pytest.fixture(scope="module")
def model() -> Iterator[tuple[FaultyServer, Model]]:
    with faulty_server() as server:
        server.always = model = Model()
        yield server, model


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory, model: tuple[FaultyServer, Model]) -> Iterator[Deployment]:
    env = {"OPENAI_BASE_URL": model[0].url, "OPENAI_API_KEY": "k", "CHAT_MODEL": "m", "DRAIN_SECONDS": "3"}
    with deployment(tmp_path_factory.mktemp("machines"), 2, env=env) as made:
        yield made


def test_a_page_and_its_session_move_to_another_replica_and_nothing_under_way_is_lost(
    visit: NewVisit, deployed: Deployment, model: tuple[FaultyServer, Model]
) -> None:
    ada = visit(url=deployed.site)
    before = list(map(answered, deployed.apps))
    ada.attach("tent.txt", f"The Kestrel tent pitch code is {CODE}.".encode())
    assert CODE in ada.ask(f"My order is {ORDER}. What is the Kestrel tent pitch code?")
    hers, other = sorted(deployed.apps, key=lambda app: answered(app) - before[deployed.apps.index(app)], reverse=True)
    everywhere(ada, deployed)
    drained(ada, deployed, model[1], hers, other)


def everywhere(ada: Visit, deployed: Deployment) -> None:
    """By its cookie the session is found, continued and searched on each; by another cookie nothing of it is."""
    name = next(one["name"] for one in ada.page.context.cookies() if one["name"].startswith("crosswire_"))
    for number, app in enumerate(deployed.apps, 1):
        with httpx.Client(base_url=app.url, cookies={name: str(ada.cookie())}, timeout=30) as hers:
            before = hers.get("/api/history").json()
            assert len(before["messages"]) == 2 * number
            answer = ask(hers, "What is the Kestrel tent pitch code, and my order?")
            assert answer["session"] == before["session"]
            assert {CODE, ORDER} <= set(_KNOWN.findall(answer["answer"]))
            assert "upload:tent.txt" in json.dumps(answer["sources"])
        with httpx.Client(base_url=app.url, timeout=30) as theirs:
            assert ask(theirs, "What is the Kestrel tent pitch code, and my order?")["answer"] == "I know of: nothing"
    with httpx.Client(timeout=30) as ben:
        before = list(map(answered, deployed.apps))
        assert len({ask(ben, f"Again, {number}", site=deployed.spread)["session"] for number in range(4)}) == 1
        assert [answered(app) - n for app, n in zip(deployed.apps, before, strict=True)] == [2, 2], (
            "one after the other"
        )


def drained(ada: Visit, deployed: Deployment, model: Model, hers: AppServer, other: AppServer) -> None:
    """The replica of her page is told to stop while it answers her, and others: all are answered, she moves on."""
    before = ada.messages.count()
    with ThreadPoolExecutor(4) as asking:
        ada.say(HELD)
        under_way = [asking.submit(held, hers.url, streamed) for streamed in (True, False)]
        wait_for(lambda: model.held == 3, "all three under way", 60)
        stopping = asking.submit(hers.stop)
        wait_for(lambda: httpx.get(f"{hers.url}/readyz").json()["status"] == "draining", "/readyz")
        for number in range(20):
            with httpx.Client(timeout=30) as newcomer:
                ask(newcomer, f"Meanwhile, {number}", site=deployed.site)
        wait_for(lambda: not listens(hers), "its end of listening")
        assert not stopping.done()
        with httpx.Client(timeout=30) as newcomer:
            ask(newcomer, "And now?", site=deployed.site)
        model.go.set()
        streamed, whole = (one.result(60) for one in under_way)
        assert streamed.rstrip().rpartition("event: ")[2].startswith("done")
        assert json.loads(whole)["turn"] == 1
        stopping.result(60)
    expect(ada.messages).to_have_count(before + 2 + 2 * len(deployed.apps))
    expect(ada.messages.last).to_contain_text(CODE)
    moved = answered(other)
    assert ORDER in ada.settled().ask("What is my order?")
    assert answered(other) == moved + 1


def test_replicas_are_replaced_while_people_talk(deployed: Deployment) -> None:
    """One comes, then the other goes."""
    goes, *_ = sorted(deployed.apps, key=lambda app: not app.running)
    if not goes.running:
        goes.start()
    seen = Seen()
    with talking(deployed.spread, 4, seen) as names:
        deployed.start_all()
        goes.stop()
        now = time.monotonic()
        wait_for(lambda: seen.all_answered_since(now, names), "all are answered by the one that came", 60)
    verdict = judge(seen.events)
    assert not verdict.broken(), verdict
    assert (dict(seen.told), seen.strayed, seen.unmended) == ({}, 0, 0)
    page = drawn(deployed.site, "chat", origin=deployed.site, Cookie=later())
    assert isinstance(page, bytes)
    assert b"later version of this site" in page


def later() -> str:
    from rag.web.cookie import CookieJar
    from tests.upgrades.forms import TOKEN

    jar = CookieJar(SECRET)
    return f"{jar.plain_name}={jar.sign(f'{TOKEN}~3~7~9~ab')}"


def ask(client: httpx.Client, text: str, site: str = "") -> dict[str, Any]:
    answer = client.post(f"{site}/api/chat", json={"message": text})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def held(site: str, streamed: bool) -> str:
    accept = "text/event-stream" if streamed else "application/json"
    return httpx.post(f"{site}/api/chat", json={"message": HELD}, headers={"Accept": accept}, timeout=60).text


def listens(app: AppServer) -> bool:
    try:
        return httpx.get(f"{app.url}/healthz").is_success
    except httpx.ConnectError:
        return False


def answered(app: AppServer) -> int:
    """Turns, by this replica."""
    found = re.search(r'^crosswire_turns_total\{outcome="answered"\} (\d+)', httpx.get(f"{app.url}/metrics").text, re.M)
    assert found
    return int(found[1])
