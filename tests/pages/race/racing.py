"""Opening the race lab, playing a schedule on one of its boards as a browser tells of it, and what the board then
shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from tests.pages.opening import calm, visit


def lab(chapter: str | int, **parameters: str) -> AppTest:
    page = visit()
    page.switch_page("race_lab.py")
    page.query_params["chapter"] = str(chapter)
    for name, value in parameters.items():
        page.query_params[name] = value
    return calm(page.run())


@dataclass(frozen=True)
class Shown:
    """The one board of a page, with the schedule on it."""

    slot: str
    id: str
    data: dict[str, Any]

    @property
    def schedule(self) -> str:
        return str(self.data["schedule"])

    def after(self, schedule: str | None = None) -> tuple[list[Any], str]:
        """The moment after a schedule, and its last step in words. Every letter has to be offered."""
        moment, told = self.data["moments"][0], ""
        for letter in self.schedule if schedule is None else schedule:
            assert letter in moment[1], (schedule, letter)
            there, said = moment[0][letter]
            moment, told = self.data["moments"][there], "".join(words for words, _ in self.data["told"][said])
        return moment, told

    @property
    def told(self) -> str:
        return self.after()[1]

    @property
    def end(self) -> dict[str, Any]:
        """How it ended."""
        ended = self.data["ends"][self.after()[0][5]]
        assert self.after()[0][5] >= 0
        return dict(ended)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.end["kinds"]]

    def actor(self, letter: str) -> dict[str, Any]:
        number = [one["letter"] for one in self.data["people"]].index(letter)
        return dict(self.data["actors"][self.after()[0][3][number]])

    def phone(self, letter: str) -> list[tuple[str, str]]:
        """All pieces of text on it, each with its owner."""
        return [(words, owner) for _, pieces in self.actor(letter)["bubbles"] for words, owner in pieces]

    @property
    def boxes(self) -> list[dict[str, Any]]:
        return list(self.data["stores"][self.after()[0][4]]["boxes"])

    @property
    def code(self) -> list[tuple[str, bool]]:
        """Its lines, and whether each is marked as wrong."""
        lines = [("".join(words for _, words in pieces), bug) for pieces, bug in self.data["code"]]
        return [(line, bug and self.data["bug"]) for line, bug in lines]


def shown(page: AppTest) -> Shown:
    (board,) = page.get("bidi_component")
    data = json.loads(board.proto.json)
    return Shown(data["slot"], board.proto.id, data)


def tell(page: AppTest, **told: Any) -> AppTest:
    """As the browser tells Python what was done on the board."""
    board = shown(page)
    value = {"sent": {"board": board.data["board"], "own": True, "keys": "", "number": 0, **told}}
    states = page._tree.get_widget_states()
    states.widgets.append(WidgetState(id=board.id, json_value=json.dumps(value)))
    return calm(page._run(states))


def play(page: AppTest, schedule: str) -> AppTest:
    """To this schedule, which has to be one that the board offers."""
    shown(page).after(schedule)
    return tell(page, schedule=schedule)


def chapter(page: AppTest, name: str) -> AppTest:
    (button,) = [one for one in page.button if one.key == f"race_chapter_{name}"]
    return calm(button.click().run())


def reached(page: AppTest) -> frozenset[str]:
    """The goals that count as reached."""
    return frozenset(page.session_state["race_done"]) if "race_done" in page.session_state else frozenset()


def said(page: AppTest) -> str:
    """All words of the page, without the strokes that take Markdown literally."""
    words = [*page.markdown, *page.caption, *page.error, *page.success, *page.info, *page.warning]
    return "\n".join(str(one.value) for one in words).replace("\\", "")
