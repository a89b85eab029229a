"""The page of beliefs: nothing is told before one has committed; then what was measured, whatever it was."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from rag.crosstalk.beliefs import BELIEFS, Measured, Measurements
from rag.crosstalk.beliefs.measuring import NotMeasured
from rag.crosstalk.beliefs.results import Level
from rag.services import Services
from rag.ui.race.scene.replay import look
from tests.pages.opening import calm, labels, visit

FOUND: dict[str, Measured] = {
    "one-memory": Measured(True, "None of 5 people *were* shown anything.", (("people shown", "0", "0"),)),
    "in-memory": Measured(None, "Nothing was answered.", ()),
    "one-server": Measured(False, "Too few.", (("turns", "10", "20"),), (Level(4, 80.0, 0.05), Level(16, 90.0, 0.2))),
}


@pytest.fixture
def page(services: Services, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    def measured(measurements: Measurements, name: str, tell: Any, stop: threading.Event) -> Measured:
        tell(0.5, "half of it")
        if name not in FOUND:
            raise NotMeasured("It took too long.")
        return FOUND[name]

    monkeypatch.setattr(Measurements, "take", measured)
    opened_page = visit()
    opened_page.switch_page("beliefs.py")
    return calm(opened_page.run())


def texts(page: AppTest) -> str:
    return "\n".join(each.value for each in (*page.markdown, *page.caption, *page.success, *page.error, *page.warning))


def say(page: AppTest, belief: str, word: str) -> AppTest:
    (button,) = [each for each in page.button if each.key == f"{belief}_{word}"]
    return calm(button.click().run())


def test_what_was_measured_is_told_after_a_commitment_even_where_it_is_not_as_usual(page: AppTest) -> None:
    assert labels(page).count("Yes") == len(BELIEFS) == 7
    assert not page.code
    assert not any(belief.why in texts(page) for belief in BELIEFS.values())
    assert not any(f"`{belief.wrong.strategy}`" in texts(page) for belief in BELIEFS.values())

    say(page, "one-memory", "no")
    assert "**Yes.** You said no." in page.error[0].value
    assert "None of 5 people \\*were\\* shown anything\\." in texts(page)
    assert "| | wrong: `shared-buffer` | right: `redis-turn` |" in texts(page)
    assert [each.value for each in page.code] == [
        BELIEFS["one-memory"].wrong.text,
        BELIEFS["one-memory"].right.text,
    ]
    assert "You were right in **0 of 1**." in texts(page)

    say(page, "in-memory", "yes")
    assert "You said yes. This run cannot tell." in page.warning[0].value
    assert "You were right in **0 of 1**." in texts(page)

    say(page, "one-server", "no")
    assert "**No.** You said no." in page.success[0].value
    assert "You were right in **1 of 2**." in texts(page)
    assert page.get("arrow_vega_lite_chart") or page.get("vega_lite_chart")

    say(page, "one-context", "yes")
    assert any(each.value == "It took too long\\." for each in page.warning)
    other = visit()
    other.switch_page("beliefs.py")
    assert labels(calm(other.run())).count("Yes") == 7  # somebody else has said nothing yet
    for name in ("one-memory", "in-memory", "one-server", "one-context"):
        say(page, "again", name)
    assert labels(page).count("Yes") == 7


def test_the_race_lab_plays_what_a_belief_is_linked_to(services: Services) -> None:
    for belief in BELIEFS.values():
        if belief.played is not None:
            scene, schedule = belief.played
            seen = look(belief.wrong.strategy, scene, schedule, services.settings)
            assert seen.outcome is not None, belief.id
            assert seen.outcome.kinds, belief.id
