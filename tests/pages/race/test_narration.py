"""What the board tells and shows of a schedule: words, the place in the code, and the sequence diagram."""

from __future__ import annotations

from contextlib import closing

import pytest

from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.strategies import LESSONS, STRATEGIES
from rag.services import Services
from rag.settings import Settings
from rag.ui.race.scene.code_listing import listing, place_of
from rag.ui.race.scene.narration import told
from rag.ui.race.scene.replay import Look, look
from rag.ui.race.scene.sequence_diagram import sequence, window

TABS = Scene(tabs=True)


@pytest.fixture
def settings(services: Services) -> Settings:
    return services.settings


def words(settings: Settings, strategy: str, schedule: str, scene: Scene | None = None) -> str:
    return look(strategy, scene or Scene(), schedule, settings).told


def ended(settings: Settings, strategy: str, schedule: str, scene: Scene) -> str:
    outcome = look(strategy, scene, schedule, settings).outcome
    assert outcome is not None
    return told(outcome)


def test_a_step_tells_what_it_read_and_wrote(settings: Settings) -> None:
    assert words(settings, "lesson-deepcopy", "A") == "Ada reads the shared list: it is empty."
    assert "go into Ada's copy" in words(settings, "lesson-deepcopy", "AA")
    assert words(settings, "lesson-deepcopy", "ABABA") == "Ada stores her question and answer in the shared list."
    over = words(settings, "lesson-deepcopy", "ABABAB")
    assert over == "Ben overwrites the shared list: Ada's question and answer are gone."
    behind = words(settings, "lesson-list", "AAABBB", TABS)
    assert "stores its question in the session's list, right after tab 1's unanswered question" in behind
    assert words(settings, "dict-with-lock", "A", TABS) == "Nothing visible changes."
    assert words(settings, "thread-local", "AAABBBAAA", Scene(turns=2)).startswith(
        "Ada stores her question and answer in **Ben's** list. Ada's answer shows **Ben's address**."
    )


def test_no_time_is_told_and_a_tab_by_its_name(settings: Settings) -> None:
    leak = ended(settings, "lesson-shared-late", "AAAABBBB", Scene())
    assert leak.startswith("Ben's turn was answered with Ada's “12 Willow Lane”")
    assert "earlier" not in leak
    assert "turn 1" not in leak
    stale = ended(settings, "lesson-list", "AABBAABB", TABS)
    assert stale.startswith("The turn of tab 2 overlapped")
    two = ended(settings, "lesson-list-pair", "AAABABABBBAB", Scene(tabs=True, turns=2))
    assert two.startswith("Turn 1 of tab 2 overlapped")


def test_a_turn_that_waits_is_marked_where_it_waits(settings: Settings) -> None:
    with temporary_lab(settings) as place:
        for name in {**LESSONS, **STRATEGIES}:
            there = {line.place: line.text for line in listing(name) if line.place}
            with closing(make_stage(name, Scene(), place).start()) as run:
                while not run.over:
                    for track in run.tracks:
                        if track.label:
                            spot = place_of(track.steps)
                            assert spot is not None, name
                            assert "yield" in there[spot], (name, run.schedule)
                    run.step(next(letter for letter in run.choices() if letter.isupper()))


def test_a_helper_that_makes_steps_is_shown_with_what_is_wrong_in_it() -> None:
    shown = "\n".join(line.text for line in listing("reused-connection"))
    assert "def load(" in shown
    assert "def turn(" in shown
    assert next(line.text for line in listing("reused-connection") if line.bug).strip().startswith("self.connections")
    assert "def turn(" not in "".join(line.text for line in listing("lesson-shared"))


def test_the_model_is_asked_and_the_memory_is_not(settings: Settings) -> None:
    seen = look("lesson-deepcopy", Scene(), "ABAABB", settings)
    lines = sequence(seen, size=14).splitlines()
    assert "A->>M: ask" in lines
    assert "A->>S: load a copy" in lines
    assert "participant M as Model" in lines
    both = sequence(look("lesson-shared-pair", Scene(), "AABB", settings), size=14)
    assert "A->>S: load\n" in both
    assert "A->>M: ask\n" in both
    assert "rect" not in both


def test_the_window_ends_with_the_save_that_overwrites(settings: Settings) -> None:
    def shaded(schedule: str) -> tuple[int, int]:
        seen: Look = look("lesson-deepcopy", Scene(), schedule, settings)
        return window(seen)

    assert shaded("ABAABB") == (0, 5)
    assert shaded("ABABBA") == (0, 5)
    assert shaded("AAABBB") == (-1, -1)
    assert shaded("BAAABB") == (0, 5)
