"""Who asks too much is told so, and when to come back; nobody else notices; and it costs no round trip."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from rag.errors import OverLimit
from rag.limits import Limits, UnderWay
from rag.services import Services, build
from rag.sessions.allowance import Allowance
from rag.settings import Settings
from rag.web.api import ApiFirst
from rag.web.identity import SessionCookie
from tests.servers import Server, wait_for
from tests.web.calls import ask, check_problem
from tests.web.conftest import SECRET
from tests.web.scripted import ScriptedServices, Stuck, plain
from tests.web.serving import serving


def settings_in(folder: Path, **more: str) -> Settings:
    return Settings.model_validate({"state_dir": folder, "knowledge_dir": folder, "canary_probe": False, **more})


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("limits")
    services = build(settings_in(folder))
    yield services
    services.close()


@contextmanager
def site(services: Services, **limits: int) -> Iterator[str]:
    """The API with these limits, behind a proxy that it trusts."""
    settings = services.settings.model_copy(update=limits)
    limited = replace(services, settings=settings, limits=Limits(settings), under_way=UnderWay(settings))
    app = Starlette(
        middleware=[
            Middleware(SessionCookie, secret=SECRET, revocations=lambda: limited.store.revocations),
            Middleware(ApiFirst, services=lambda: limited),
        ]
    )
    with serving(app, forwarded_allow_ips="*") as address:
        yield address


def browser(address: str, of: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=30, headers={"X-Forwarded-For": of})


def test_who_is_over_a_limit_is_told_when_to_come_back_and_nobody_else_is(built: Services) -> None:
    refused_before = built.watch.metrics.refusals()
    with (
        site(built, limit_session_turns=3, limit_address_turns=8) as address,
        browser(address, "203.0.113.7") as one,
        browser(address, "203.0.113.7") as two,
        browser(address, "203.0.113.7") as three,
        browser(address, "203.0.113.8") as elsewhere,
    ):
        answers = [ask(one) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 5
        problem = check_problem(answers[-1], 429)
        assert problem["title"] == "Too many requests"
        assert int(answers[-1].headers["retry-after"]) in range(1, 21)
        assert f"in {answers[-1].headers['retry-after']} s" in str(problem["detail"])
        assert len(one.get("/api/history").json()["messages"]) == 6, "what is refused is not stored"
        # Those that were refused took nothing from the others of their address.
        assert [ask(two).status_code for _ in range(3)] == [200] * 3
        assert [ask(three).status_code for _ in range(3)] == [200, 200, 429]
        assert "from your network" in ask(three).json()["detail"]
        assert ask(elsewhere).status_code == 200
    refused = {name: now - refused_before[name] for name, now in built.watch.metrics.refusals().items()}
    assert {name: number for name, number in refused.items() if number} == {"session_turns": 5, "address_turns": 2}
    assert built.watch.metrics.counts()["error"] == 0


def test_who_is_found_to_be_over_a_limit_when_his_turn_has_a_thread_is_counted_too(
    client: httpx.Client, services: ScriptedServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another of his questions has emptied the bucket meanwhile."""
    turn, asked = services.limits.turn, count(1)

    def emptied(session_id: str, address: str | None) -> Allowance | None:
        if next(asked) > 1:
            raise OverLimit("session_turns", 3.0)
        return turn(session_id, address)

    monkeypatch.setattr(services.limits, "turn", emptied)
    check_problem(ask(client), 429)
    assert services.watch.metrics.refusals()["session_turns"] == 1


def test_a_limit_costs_no_round_trip(built: Services) -> None:
    def trips(client: httpx.Client) -> int:
        ask(client)  # the scripts are known, and the cookie is there
        before = built.client.info("stats")["total_reads_processed"]
        assert [ask(client).status_code for _ in range(5)] == [200] * 5
        return int(built.client.info("stats")["total_reads_processed"] - before)

    off = {name: 0 for name in Settings.model_fields if name.startswith("limit_")}
    with (
        site(built) as with_limits,
        site(built, **off) as without,
        browser(with_limits, "203.0.113.9") as one,
        browser(without, "203.0.113.9") as two,
    ):
        assert trips(one) == trips(two) == 5 * 2 + 1


def test_redis_that_is_killed_ends_no_limit_and_its_buckets_are_full_when_it_is_back(tmp_path: Path) -> None:
    """Buckets are not written to its disk. Who is known to be over a limit stays so; turns that were not begun cost
    nobody anything."""
    with (
        Server("--appendonly", "yes", "--appendfsync", "always") as redis,
        closing(build(settings_in(tmp_path, redis_url=redis.url))) as built,
        site(built, limit_session_turns=1) as address,
        browser(address, "203.0.113.7") as one,
        browser(address, "203.0.113.7") as two,
    ):
        assert [ask(one).status_code for _ in range(2)] == [200, 429]
        assert ask(two).status_code == 200
        redis.kill()
        away = [ask(two) for _ in range(3)]
        assert {check_problem(answer, 503)["title"] for answer in away} == {"Session store unavailable"}
        assert {answer.headers["retry-after"] for answer in away} == {"10"}
        assert check_problem(ask(one), 429)["title"] == "Too many requests"
        redis.start()
        wait_for(lambda: two.get("/api/history").status_code == 200, "Redis is found again")
        assert len(two.get("/api/history").json()["messages"]) == 2
        assert [ask(two).status_code for _ in range(2)] == [200, 429]
        assert ask(one).status_code == 429
        counts = built.watch.metrics.counts()
        assert (counts["answered"], counts["store"], counts["error"]) == (3, 3, 0)


@contextmanager
def held_up(client: httpx.Client, services: ScriptedServices) -> Iterator[Stuck]:
    """A session that may have two turns under way, and a model that answers none of them before the block ends."""
    services.under_way = UnderWay(Settings(limit_session_at_once=2))
    ask(client)  # for the cookie
    stuck = services.chat.script = Stuck()
    try:
        yield stuck
    finally:
        stuck.go_on.set()


def check_only_refused(client: httpx.Client, services: ScriptedServices, api_site: str) -> None:
    """This session is, and nobody else."""
    services.chat.script = plain
    problem = check_problem(refused := ask(client), 429)
    assert (problem["title"], refused.headers["retry-after"]) == ("Too many turns at once", "5")
    with httpx.Client(base_url=api_site, timeout=20) as somebody_else:
        assert ask(somebody_else).status_code == 200


def test_one_session_holds_no_more_than_its_share(
    api_site: str, client: httpx.Client, services: ScriptedServices
) -> None:
    with ThreadPoolExecutor(2) as others, held_up(client, services) as stuck:
        held = [others.submit(ask, client) for _ in range(2)]
        assert all(stuck.begun.acquire(timeout=20) for _ in held)
        check_only_refused(client, services, api_site)
    assert [answer.result().status_code for answer in held] == [200, 200]
    assert [ask(client).status_code for _ in range(3)] == [200] * 3, "each has left when the next one comes"


def test_a_turn_that_nobody_waits_for_any_more_keeps_its_place_until_its_model_lets_go(
    api_site: str, client: httpx.Client, services: ScriptedServices
) -> None:
    """Else whoever asks and goes away would hold all threads of a model that does not answer."""
    with held_up(client, services) as stuck:
        for _ in range(2):
            with suppress(httpx.ReadTimeout):
                client.post("/api/chat", json={"message": "Hello?"}, timeout=0.2)
            assert stuck.begun.acquire(timeout=20)
        check_only_refused(client, services, api_site)
    wait_for(lambda: services.under_way.turns == 0, "the places are free again")
    assert ask(client).status_code == 200


def test_an_address_whose_model_does_not_answer_holds_its_share_and_others_are_answered(
    api_site: str, services: ScriptedServices
) -> None:
    stuck = Stuck()
    services.chat.script, services.chat.remote = stuck, True
    site, body, share = httpx.URL(api_site), b'{"message": "Hello?"}', Settings().limit_address_at_once
    head = b"POST /api/chat HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nContent-Type: application/json\r\n"
    request = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)
    with ExitStack() as held:
        held.callback(stuck.go_on.set)
        for _ in range(share):
            visitor = held.enter_context(socket.create_connection((site.host, site.port or 80), 20))
            visitor.sendall(request)
        assert all(stuck.begun.acquire(timeout=20) for _ in range(share)), "no queue stands before the last of them"
        with browser(api_site, "203.0.113.7") as one_more, browser(api_site, "203.0.113.8") as somebody_else:
            problem = check_problem(refused := ask(one_more), 429)
            assert str(problem["detail"]).startswith("Your network has too many questions under way")
            assert refused.headers["retry-after"] == "5"
            services.chat.script = plain
            assert ask(somebody_else).status_code == 200
    wait_for(lambda: services.under_way.turns == 0, "the places are free again")


def test_more_than_can_be_answered_is_refused_at_once_until_that_is_over(
    client: httpx.Client, services: ScriptedServices
) -> None:
    services.under_way = UnderWay(Settings(limit_wait_seconds=0.05))
    waits = services.under_way.enter("somebody else", None)
    waits.queue(True)
    wait_for(lambda: ask(client).status_code == 503, "it has waited for too long")
    refused = ask(client)
    assert check_problem(refused, 503)["title"] == "Too many turns"
    assert int(refused.headers["Retry-After"]) >= 1
    waits.queue(False)
    assert ask(client).status_code == 200
    waits.leave()
    wait_for(lambda: services.under_way.turns == 0, "the places are free again")
