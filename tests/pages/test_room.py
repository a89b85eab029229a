"""Where phones find the server, who may present, and the story that is told."""

from __future__ import annotations

import socket

import psutil
import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from rag.crosstalk.room.act import MEMORIES
from rag.ui.presenter.story import STORY, minutes
from rag.ui.room import address
from rag.ui.room.opening import RIGHT_ONES, WRONG_ONES
from tests import PROJECT
from tests.pages.opening import calm, opened, tab, to


class _Address:
    def __init__(self, text: str) -> None:
        self.family, self.address = socket.AF_INET, text


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://localhost:8501/room", ["http://192.168.1.20:8501", "http://172.17.0.1:8501"]),
        ("http://[::1]:8501/room", ["http://192.168.1.20:8501", "http://172.17.0.1:8501"]),
        ("http://127.0.0.1/room", ["http://192.168.1.20", "http://172.17.0.1"]),
        ("http://192.168.1.20:8501/room", ["http://192.168.1.20:8501"]),
        ("https://chat.example.org/lab/room", ["https://chat.example.org"]),
    ],
)
def test_a_phone_is_sent_to_where_this_server_can_be_found(
    url: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"lo": ["127.0.0.1"], "docker0": ["172.17.0.1"], "wlan0": ["192.168.1.20"], "eth0": ["169.254.1.1"]}
    cards = {name: [_Address(one) for one in addresses] for name, addresses in there.items()}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: cards)
    assert address.candidates(url) == found


@pytest.mark.parametrize(
    ("url", "listens", "reachable"),
    [
        ("http://localhost:8501/room", "localhost", False),
        ("http://localhost:8501/room", "127.0.0.1", False),
        ("http://localhost:8501/room", "0.0.0.0", True),
        ("https://chat.example.org/room", "localhost", True),
    ],
)
def test_a_server_that_hears_nobody_else_says_so(
    url: str, listens: str, reachable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = config.get_option("server.address")
    config.set_option("server.address", listens)
    try:
        assert address.reachable(url) == reachable
    finally:
        config.set_option("server.address", before)


def test_a_browser_without_cookies_is_told_why_it_cannot_present() -> None:
    with opened():
        page = to("room.py", tab())
        assert "blocks cookies" in page.warning[0].value
        assert not page.button


def test_a_room_where_nobody_spoke_has_no_report() -> None:
    def ended() -> None:
        from rag.ui.room import report

        report.draw("abcd", [])

    page = calm(AppTest.from_function(ended).run())
    assert [info.value for info in page.info] == ["Nobody asked anything, so there is no report."]


def test_every_memory_is_on_one_side() -> None:
    assert sorted(WRONG_ONES + RIGHT_ONES) == sorted(MEMORIES)


def test_the_story_takes_five_minutes_and_its_pages_are_there() -> None:
    assert minutes(sum(step.seconds for step in STORY)) == "5:00"
    for step in STORY:
        assert (PROJECT / "pages" / f"{step.page}.py").is_file()
        assert len(step.title) < 60, "one line, large"
