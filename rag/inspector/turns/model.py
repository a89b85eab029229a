"""A turn as it is shown, wherever it was recorded. What is not known of it is left out, and never guessed.

Every part of a prompt says where it came from and whose it is. `owner` is a session's id, EVERYBODY for what all may
see (rules, articles), and None where nobody can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rag.inspector.views.session import Element

EVERYBODY = "*"
Texts = Callable[[Sequence[str]], Mapping[str, str]]
"""Of passages of the library by id, those that this session may see, as they are now."""
Origin = Literal["rules", "summary", "source", "history", "question", "unknown"]
Holds = tuple[tuple[str, str], ...]
"""Texts that are somebody else's, each with the session whose it is."""
State = Literal["as sent", "changed", "gone", "cut", "no text"]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a prompt. label: what it is called; turn: of its owner, 0 if that is not known.

    state: whether `text` is what was sent, is what stands there now instead, is gone, was cut, or was never recorded.
    holds: secrets of others that are in it. digest: by which others are asked for it, where its text is not.
    """

    origin: Origin
    role: str
    text: str
    owner: str | None
    label: str = ""
    turn: int = 0
    state: State = "as sent"
    holds: Holds = ()
    digest: str = ""

    def foreign(self, session_id: str) -> bool:
        """Whether it certainly is, or holds, what is somebody else's."""
        return bool(self.holds) or self.owner not in (None, EVERYBODY, session_id)

    @property
    def asked(self) -> str:
        """What it is looked for by in other sessions."""
        return self.digest or (self.text if self.state == "as sent" else "")

    @property
    def unknown(self) -> bool:
        """Whether it is none of the session's own, and nobody can tell whose."""
        return self.origin == "unknown" and self.owner is None


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A passage that the search gave. score: 0 to 1, None if it was not recorded; cited: the answer points at it."""

    number: int
    label: str
    text: str
    owner: str | None
    score: float | None = None
    cited: bool = False
    state: State = "as sent"

    def foreign(self, session_id: str) -> bool:
        return self.owner not in (None, EVERYBODY, session_id)


@dataclass(frozen=True, slots=True)
class Turn:
    """said: what is stored of it, the question first. prompt: None if it was not recorded; found: the same.

    milliseconds: of each phase, in their order. at: epoch seconds, 0 if unknown; when: as a recording tells it instead.
    trouble: how it ended, if not well. holds: secrets of others in its answer.
    """

    number: int
    said: tuple[Element, ...]
    at: float = 0.0
    when: str = ""
    model: str = ""
    searched: str = ""
    found: tuple[Retrieved, ...] | None = None
    prompt: tuple[Part, ...] | None = None
    milliseconds: dict[str, float] = field(default_factory=dict)
    trouble: str = ""
    holds: Holds = ()

    @property
    def questions(self) -> tuple[Element, ...]:
        return tuple(one for one in self.said if one.said.role == "user" and not one.said.problem)

    @property
    def answers(self) -> tuple[Element, ...]:
        """All that is no question: answers, tools, and what should not be there."""
        return tuple(one for one in self.said if one.said.role != "user" or one.said.problem)

    @property
    def total(self) -> float:
        """Milliseconds. The first token's are a part of the answer's."""
        return sum(taken for phase, taken in self.milliseconds.items() if phase != "first_token")

    def foreign(self, session_id: str) -> int:
        """How many parts of it are certainly, or hold, what is somebody else's."""
        parts = sum(part.foreign(session_id) for part in self.prompt or ())
        return parts + sum(one.foreign(session_id) for one in self.found or ()) + bool(self.holds)

    @property
    def unknown(self) -> tuple[Part, ...]:
        return tuple(part for part in self.prompt or () if part.unknown)

    def named(self, owners: Mapping[str, str]) -> Turn:
        """The same, with the owners of texts that nobody could tell before."""
        if self.prompt is None:
            return self
        parts = (
            replace(part, owner=owners[part.asked]) if part.unknown and part.asked in owners else part
            for part in self.prompt
        )
        return replace(self, prompt=tuple(parts))
