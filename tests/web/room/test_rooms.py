"""A room over HTTP: what a phone shows, what the wall is told, and who may do what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from rag.crosstalk.room import room as limits
from rag.crosstalk.room import rooms as all_rooms
from rag.crosstalk.room.act import Turn
from rag.crosstalk.room.rooms import Rooms
from tests.web.room.phones import Phone, live


def test_two_phones_at_the_same_instant_and_the_wall_says_who_was_shown_whose(
    site: str, code: str, presenter: httpx.Client
) -> None:
    phones = [Phone(site, code) for _ in range(4)]
    with ThreadPoolExecutor(4) as at_once:
        list(at_once.map(Phone.hello, phones))
        for _ in range(2):
            list(at_once.map(Phone.ask, phones))
    shown = [(phone, turn, leak) for phone in phones for turn in phone.look()["turns"] for leak in turn["leaks"]]
    assert shown
    for phone, turn, leak in shown:
        owner = next(one for one in phones if one.name == leak["name"])
        assert owner is not phone
        assert owner.secret == leak["secret"]
        assert owner.secret in turn["answer"]
        assert phone.name in {one["name"] for one in owner.look()["shown"]}
    with presenter.stream("GET", f"/r/{code}/live") as answer:
        told = live(answer)
        wall = next(told)
        people = wall["people"]
        arrows = {(people[one["user"]]["name"], people[one["owner"]]["name"]) for one in wall["leaks"]}
        assert arrows == {(phone.name, leak["name"]) for phone, _, leak in shown}
        assert wall["reached"] == len({phone.name for phone, _, _ in shown})
        assert presenter.post(f"/r/{code}/switch", json={"memory": "dict-with-lock"}).status_code == 204
        wall = next(one for one in told if one["act"] == 2)
        assert wall["leaks"] == []
        refused = phones[0].client.post("/ask", json={"key": "order"})
        assert refused.status_code == limits.HELLO_FIRST
        for phone in phones:
            phone.hello()
            assert phone.secret in phone.ask()
    # The wall is closed, and the room goes on.
    assert phones[0].secret in phones[0].ask()
    assert presenter.post(f"/r/{code}/end", json={}).status_code == 204
    assert phones[0].look()["ended"]
    assert phones[0].client.post("/ask", json={"key": "order"}).status_code == 410


def test_a_phone_that_reloads_is_the_same_person_and_has_no_session(site: str, code: str) -> None:
    phone = Phone(site, code)
    phone.hello()
    assert len(phone.client.cookies) == 0
    page = phone.client.get("")
    assert "set-cookie" not in page.headers
    assert "default-src 'none'" in page.headers["content-security-policy"]
    again = httpx.get(f"{site}/r/{code}/state", headers={"Authorization": f"Bearer {phone.token}"}).json()
    assert again["you"] == phone.shown["you"]
    assert [turn["question"] for turn in again["turns"]] == [turn["question"] for turn in phone.shown["turns"]]
    lower = httpx.get(f"{site}/r/{code.lower()}/state", headers={"Authorization": f"Bearer {phone.token}"})
    assert lower.json()["you"] == phone.shown["you"]


def test_a_question_under_way_when_the_room_ends_is_answered_at_once(
    site: str, code: str, rooms: Rooms, presenter: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Phone(site, code)
    monkeypatch.setattr(limits, "THINKING", (100.0, 100.0))
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(phone.hello)
        with presenter.stream("GET", f"/r/{code}/live") as answer:
            next(one for one in live(answer) if one["turns"] == 1)
        reloaded = httpx.get(f"{site}/r/{code}/state", headers={"Authorization": f"Bearer {phone.token}"}).json()
        assert (reloaded["busy"], reloaded["turns"][0]["answer"]) == (True, None), "reloaded in the middle"
        rooms.end(code, presenter.headers["session"])
        asked.result(10)
    assert phone.shown["ended"]
    assert phone.shown["turns"][0]["failed"]


def test_only_the_browser_that_opened_it_presents_it(site: str, code: str, presenter: httpx.Client) -> None:
    phone = Phone(site, code)
    with httpx.Client(base_url=site) as other:
        other.get("/")
        for client in (other, phone.client):
            base = f"{site}/r/{code}"
            for refused in (
                client.get(f"{base}/live"),
                client.get(f"{base}/now"),
                client.post(f"{base}/switch", json={"memory": "shared-buffer"}),
                client.post(f"{base}/end", json={}),
            ):
                assert refused.status_code == 403
    foreign = {"Origin": "http://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert presenter.post(f"/r/{code}/end", json={}, headers=foreign).status_code == 403
    assert presenter.post(f"/r/{code}/switch", json={"memory": "redis-list"}).status_code == 422
    assert presenter.post(f"/r/{code}/switch", json={"strategy": "redis-list"}).json()["title"] == "Bad memory"
    wanted = {"right": "redis-list", "wrong": "shared-buffer", "begin": "shared-buffer", "seconds": 0.5}
    assert presenter.post("/r/-/open", json=wanted, headers=foreign).json()["title"] == "No session"
    assert presenter.post("/r/-/open", json={**wanted, "seconds": "soon"}).json()["title"] == "Bad room"


def test_who_is_sent_out_is_not_heard_and_makes_room_for_another_one(
    site: str, code: str, presenter: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone, other = Phone(site, code), Phone(site, code)
    monkeypatch.setattr(limits, "MOST_PEOPLE", 2)
    phone.hello()
    number = {"number": phone.shown["you"]["number"]}
    assert other.client.post("/out", json=number).status_code == 403
    assert httpx.post(f"{site}/r/{code}/join", json={}).status_code == 409
    assert [presenter.post(f"/r/{code}/out", json={"number": one}).status_code for one in (-1, 9, "1")] == [
        404,
        404,
        422,
    ]
    assert presenter.post(f"/r/{code}/out", json=number).status_code == 204
    told = phone.client.get("/state")
    assert (told.status_code, "has sent this phone out" in told.json()["detail"]) == (403, True)
    assert phone.client.post("/ask", json={"key": "order"}).status_code == 403
    # The shared memory still has what was said to it, and may answer with either.
    assert presenter.post(f"/r/{code}/switch", json={"memory": "dict-with-lock"}).status_code == 204
    other.hello()
    assert other.secret in other.ask()
    assert other.look()["people"] == 1
    assert Phone(site, code).shown["people"] == 2
    monkeypatch.setattr(limits, "MOST_JOINED", 3)
    assert presenter.post(f"/r/{code}/out", json={"number": 1}).status_code == 204
    assert httpx.post(f"{site}/r/{code}/join", json={}).status_code == 409


def test_what_strangers_send_is_bounded(site: str, code: str) -> None:
    base = f"{site}/r/{code}"
    assert httpx.post(f"{base}/join", data={}).status_code == 415, "another site's form"
    assert httpx.post(f"{base}/join", json={"x": "y" * 5000}).status_code == 413
    assert httpx.post(f"{base}/ask", json={"key": "order"}).status_code == 401
    assert httpx.get(f"{base}/state").status_code == 401
    for path in ("/r/NOROOM/state", "/r/NOROOM/qr.svg", f"/r/{code}/nothing", "/r/-/%2e%2e/qr.py"):
        assert httpx.get(f"{site}{path}").status_code == 404, path
    phone = Phone(site, code)
    phone.hello()
    for body, status in (({"text": "x" * 300}, 422), ({"text": " "}, 422), ({"key": "?"}, 422), ({}, 422), ([], 422)):
        assert phone.client.post("/ask", json=body).status_code == status
    assert phone.client.get("/qr.svg").text.startswith("<svg")


def test_a_room_that_breaks_ends_and_no_other(
    site: str, code: str, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = rooms.open("somebody")
    plays = limits.Room.play

    def play(room: limits.Room, now: float) -> list[Turn]:
        if room is breaks and room.act.turns:
            raise RuntimeError("planted")
        return plays(room, now)

    monkeypatch.setattr(limits.Room, "play", play)
    broken, whole = Phone(site, breaks.code), Phone(site, code)
    assert broken.client.post("/hello", json={}).status_code == 404, "answered at once, not when patience ends"
    whole.hello()
    assert whole.secret in whole.shown["turns"][0]["question"]


def test_a_fault_of_ours_is_logged_and_shows_nothing_of_itself(
    site: str, presenter: httpx.Client, rooms: Rooms, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(rooms, "end", breaks)
    refused = presenter.post("/r/ANYONE/end", json={})
    assert (refused.status_code, "planted" in refused.text) == (500, False)
    assert [one.message for one in caplog.records if one.name == "rag.web.room.routes"] == ["A room broke"]


def test_a_long_report_is_made_in_another_process_and_says_the_same(
    site: str, code: str, presenter: httpx.Client, rooms: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    phones, me, told = [Phone(site, code) for _ in range(2)], presenter.headers["session"], []
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(Phone.hello, phones))
        list(at_once.map(Phone.ask, phones))
    rooms.end(code, me)
    (here,) = rooms.acts(code, me)
    with rooms.presented(code, me) as (room, _):
        room.acts[0].report = None
    monkeypatch.setattr(all_rooms, "APART", 1)
    monkeypatch.setattr(all_rooms, "judge", None)  # of this process
    (there,) = rooms.acts(code, me, lambda *parts: told.append(parts))
    assert there == here
    assert told == [(0, 1)]


def test_rooms_are_few_and_each_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    with closing(Rooms(lambda: now)) as rooms:
        mine = [rooms.open("me") for _ in range(5)]
        assert [room.code for room in rooms.of("me")] == [room.code for room in mine[1:]], "the oldest one is closed"
        assert rooms.of("you") == []
        for number in range(12):
            rooms.open(f"other {number}")
        with pytest.raises(limits.RoomRefused):
            rooms.open("one more")
        now += limits.IDLE_SECONDS
        assert [room.ended is not None for room in rooms.of("me")] == [True] * 4
        now += limits.KEPT_SECONDS
        assert rooms.of("me") == []
        with pytest.raises(limits.RoomRefused):
            rooms.join(mine[1].code)


def test_rooms_that_nobody_uses_keep_no_one_else_from_having_one() -> None:
    """Four cookies take all places; whoever is in a room or looks at it keeps it."""
    now = 1000.0
    with closing(Rooms(lambda: now)) as rooms:
        used, watched, ended = (rooms.open(name) for name in ("used", "watched", "ended"))
        rooms.join(used.code)
        idle = [rooms.open(f"thief {number // 4}") for number in range(13)]
        rooms.end(ended.code, "ended")
        now += limits.UNUSED_SECONDS - 1
        first = rooms.open("one more")
        assert rooms.of("ended") == [], "nobody had time yet to come to the others"
        with pytest.raises(limits.RoomRefused):
            rooms.open("one more at once")
        now += 2
        with rooms.presented(watched.code, "watched") as (room, since):
            room.watch(since)
        others = [rooms.open(f"next {number}") for number in range(13)]
        assert [rooms.of(room.presenter) for room in (used, watched, first)] == [[used], [watched], [first]]
        assert not any(rooms.of(room.presenter) for room in idle)
        assert len(others) == len(idle)
        with pytest.raises(limits.RoomRefused):
            rooms.open("and another")
