"""The free lab: a memory is met where its bug shows, and looked through with an eye on it and a way to stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rag.crosstalk.explore.explorer import certify, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import LESSONS, STRATEGIES
from rag.errors import CrosswireError, SessionStoreUnavailable
from rag.services import Services
from rag.ui.race import failure_search
from rag.ui.race.free_lab import elsewhere, lacks, own_scene
from tests.pages.opening import calm, labels, press
from tests.pages.race.racing import lab, said


def ended(page: AppTest) -> AppTest:
    """When its search is over. Nothing draws the page anew by itself here."""
    for _ in range(100):
        if "Stop" not in labels(page):
            return page
        time.sleep(0.1)
        calm(page.run())
    raise AssertionError("the search goes on")


def searching(monkeypatch: pytest.MonkeyPatch, search: Callable[..., Any]) -> AppTest:
    """The race lab, where this is how a failure is searched for, and it has begun."""
    monkeypatch.setattr(failure_search, "certify", search)
    page = lab("lab", strategy="lesson-deepcopy")
    press(page, "Find the shortest failure")
    return page


def test_a_memory_shows_its_bug_in_its_own_scene() -> None:
    with temporary_lab() as place:
        for name, kind in {**LESSONS, **STRATEGIES}.items():
            scene = own_scene(name)
            assert not lacks(name, scene), name
            if kind.in_process:
                wrong = certify(name, scene, place, limit=50 if kind.on_disk else None).explored.wrong
                assert bool(wrong) == bool(kind.expects | kind.expects_tabs), name
    assert own_scene("reused-connection") == Scene(turns=2, cancels=1)
    assert elsewhere("dict-with-lock")
    assert not elsewhere("redis-turn")


def test_a_scene_that_cannot_show_it_says_so_and_is_set_up(services: Services) -> None:
    page = lab("lab", strategy="thread-local", turns="1")
    assert "it needs two turns each" in said(page)
    press(page, "Set it up")
    assert page.session_state["race_lab_turns"] == 2
    assert "it takes" not in said(page)
    calm(page.selectbox[0].select("lesson-list").run())
    assert page.session_state["race_lab_tabs"] is True
    assert page.session_state["race_lab_turns"] == 1


def test_the_shortest_failure_is_found(services: Services) -> None:
    page = lab("lab", strategy="lesson-list", tabs="1")
    press(page, "Find the shortest failure")
    ended(page)
    assert "of 70" in said(page)
    assert page.session_state["race_schedule"]
    press(page, "One after the other")
    assert page.session_state["race_schedule"] == "AAAABBBB"
    press(page, "Random")
    assert sorted(page.session_state["race_schedule"]) == list("AAAABBBB")


def test_a_search_that_fails_says_so_and_the_log_says_why(
    services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise SystemError("recursion depth mismatch")

    page = ended(searching(monkeypatch, failing))
    assert "Work in the background has failed (SystemError: see the server's log)." in said(page)
    assert "recursion depth" not in said(page)
    assert "recursion depth mismatch" in caplog.text


def test_a_search_shows_how_far_it_is_and_keeps_what_it_has(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*given: Any, progress: Any, stop: Any, **options: Any) -> Any:
        progress(7)
        while not stop():
            time.sleep(0.02)
        return certify(*given, progress=progress, **options, stop=lambda: False)

    page = searching(monkeypatch, slow)
    assert "7 schedules" in said(page)
    press(page, "Stop")
    ended(page)
    assert "of 20" in said(page)


def test_another_memory_ends_the_search(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []

    def slow(*given: Any, stop: Any, **options: Any) -> Any:
        while not stop():
            time.sleep(0.02)
        stopped.append(given[0])
        raise CrosswireError("stopped")

    page = searching(monkeypatch, slow)
    search = page.session_state["race_lab_search"]
    calm(page.selectbox[0].select("lesson-shared").run())
    search.wait(10)
    assert stopped == ["lesson-deepcopy"]
    assert "race_lab_search" not in page.session_state


def test_a_visitor_is_not_told_where_the_store_is(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise SessionStoreUnavailable("redis://inside:6379", "no connection")

    page = ended(searching(monkeypatch, away))
    assert "Stopped early. The session store cannot be reached" in said(page)
    assert "inside" not in said(page)
