"""What is played in the race lab: a few people, what each sends, and a model that repeats every address that it finds.

All of it is fixed: the same strategy and the same schedule give the same log, byte for byte. Actors are told apart by a
letter; two tabs are two actors of one session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.crosstalk.log.events import Message

PEOPLE = (
    ("Ada", "12 Willow Lane"),
    ("Ben", "9 Mill Road"),
    ("Cleo", "27 Harbour Street"),
    ("Dan", "4 Orchard Close"),
    ("Eva", "31 Station Row"),
)
LETTERS = "ABCDE"
MOST_TURNS = 4
ASKED = "Where does my parcel go?"
ASKED_BESIDE = "How long will my parcel take?"
_ADDRESS = re.compile(r"\d{1,5} [A-Z]\w+ (?:Lane|Road|Street|Close|Row)")


class BadScene(ValueError):
    """A scene that cannot be played; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Said:
    """One turn, as it is sent. mark: in its text and in its answer. plants and expects: as in the operation log."""

    op: int
    mark: str
    text: str
    plants: tuple[str, ...] = ()
    expects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who sends turns, one after the other. tab: None where each user has one."""

    letter: str
    user: str
    session: str
    tab: int | None
    turns: tuple[Said, ...]

    @property
    def shown(self) -> str:
        return self.user if self.tab is None else f"{self.user}, tab {self.tab + 1}"


@dataclass(frozen=True, slots=True)
class Scene:
    """turns: of each actor. cancels: turns that may be given up half-way, at most."""

    users: int = 2
    tabs: bool = False
    turns: int = 1
    cancels: int = 0

    def __post_init__(self) -> None:
        """Raises BadScene."""
        if not 2 <= self.users <= len(PEOPLE):
            raise BadScene(f"There can be 2 to {len(PEOPLE)} users, not {self.users}.")
        if not 1 <= self.turns <= MOST_TURNS:
            raise BadScene(f"There can be 1 to {MOST_TURNS} turns of each, not {self.turns}.")

    @property
    def letters(self) -> str:
        return LETTERS[: self.users]

    @property
    def people(self) -> str:
        return f"{self.users} {'tabs' if self.tabs else 'users'}"

    def actors(self) -> tuple[Actor, ...]:
        return _actors(self)


def answer(messages: Sequence[Message], mark: str) -> str:
    """The model: all addresses of its prompt, the newest first. mark: of the turn, so that no two answers are alike."""
    return _answer(tuple([message.text for message in messages]), mark)


@lru_cache(4096)
def _answer(texts: tuple[str, ...], mark: str) -> str:
    found = list(dict.fromkeys(address for text in reversed(texts) for address in reversed(_ADDRESS.findall(text))))
    if not found:
        return f"I have no address of yours yet. (to {mark})"
    more = f" I also have {' and '.join(found[1:])}." if found[1:] else ""
    return f"It goes to {found[0]}.{more} (to {mark})"


@lru_cache(64)
def _actors(scene: Scene) -> tuple[Actor, ...]:
    ops = iter(range(1, 1 + scene.users * scene.turns))
    actors = []
    for number, letter in enumerate(scene.letters):
        user, address = PEOPLE[0 if scene.tabs else number]
        said = tuple(_said(scene, number, letter, user, address, ops))
        # Ids that differ by case alone, as ids do that are made of random letters and digits.
        session = "lab-a" if scene.tabs else ("lab-a", "lab-A", "lab-b", "lab-B", "lab-c")[number]
        actors.append(Actor(letter, user, session, number if scene.tabs else None, said))
    return tuple(actors)


def _said(scene: Scene, number: int, letter: str, user: str, address: str, ops: Iterator[int]) -> Iterator[Said]:
    for turn in range(1, scene.turns + 1):
        states = turn == 1 and not (scene.tabs and number)
        text = f"I'm {user}. Please send my parcel to {address}." if states else ASKED if turn > 1 else ASKED_BESIDE
        plants = (address,) if states else ()
        # In parentheses, as the words that a semantic cache is to leave out of account.
        expects = (address,) if not states and not scene.tabs else ()
        mark = f"{letter}{turn}"
        yield Said(next(ops), mark, f"{text} ({mark})", plants, expects)
