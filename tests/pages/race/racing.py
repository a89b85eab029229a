"""Opening the race lab and playing a schedule on one of its boards."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.pages.opening import calm, visit


def lab(chapter: int, **parameters: str) -> AppTest:
    page = visit()
    page.switch_page("race_lab.py")
    page.query_params["chapter"] = str(chapter)
    for name, value in parameters.items():
        page.query_params[name] = value
    return calm(page.run())


def play(page: AppTest, slot: str, schedule: str) -> AppTest:
    for letter in schedule:
        (button,) = [one for one in page.button if one.key == f"race_{slot}_{letter}"]
        assert not button.disabled, (schedule, button.label)
        calm(button.click().run())
    return page


def chapter(page: AppTest, number: int) -> AppTest:
    (button,) = [one for one in page.button if one.key == f"race_chapter_{number}"]
    return calm(button.click().run())


def reached(page: AppTest) -> frozenset[str]:
    """The goals that count as reached."""
    return frozenset(page.session_state["race_done"])


def said(page: AppTest) -> str:
    """All words of the page, without the strokes that take Markdown literally."""
    shown = [*page.markdown, *page.caption, *page.error, *page.success, *page.info, *page.warning]
    return "\n".join(str(one.value) for one in shown).replace("\\", "")
