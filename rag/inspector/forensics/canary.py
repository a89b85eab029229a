"""A text that should be in one session only, such as an order number: where it is, who stated it, who saw it after.

Matching ignores case, white space and separators, and finds the text reversed and in base64.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from rag.errors import CrosswireError
from rag.inspector.forensics.findings import Finding, short
from rag.inspector.parsing.message_parsers import Said

SHORTEST = 6
KEPT = 1000
_SEPARATORS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a canary was seen. at: epoch seconds, 0 if unknown."""

    session: str
    number: int
    role: str
    at: float


@dataclass(slots=True)
class Canary:
    """sightings: up to a thousand, in the order of the scan; seen: how many there were."""

    text: str
    sightings: list[Sighting] = field(default_factory=list)
    seen: int = 0

    @property
    def first(self) -> Sighting | None:
        """Who stated it: the earliest user who said it, or else wherever it was seen earliest."""
        said = [one for one in self.sightings if one.role == "user"] or self.sightings
        return min(said, key=lambda one: one.at or float("inf"), default=None)

    @property
    def elsewhere(self) -> list[Sighting]:
        """In other sessions than the one that stated it, earliest first."""
        first = self.first
        others = [one for one in self.sightings if first is not None and one.session != first.session]
        return sorted(others, key=lambda one: one.at)

    def finding(self) -> Finding | None:
        first, others = self.first, self.elsewhere
        if first is None or not others:
            return None
        sessions = tuple(dict.fromkeys([first.session, *(one.session for one in others)]))
        after = others[0]
        when = f", {after.at - first.at:.1f} s later" if first.at and after.at > first.at else ""
        text = (
            f"First said by the {first.role} in message {first.number} of {short(first.session)}; seen in "
            f"message {after.number} of {short(after.session)} ({after.role}){when}."
        )
        return Finding("canary", sessions, (first.number, *(one.number for one in others[:19])), text)


class Watch:
    """Looks for several canaries at once."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.canaries = [Canary(text) for text in texts]
        self._forms = [(canary, re.compile("|".join(map(re.escape, forms(canary.text))))) for canary in self.canaries]

    def see(self, session_id: str, number: int, said: Said) -> None:
        if not self._forms or not said.text:
            return
        text = normal(said.text)
        for canary, form in self._forms:
            if form.search(text):
                canary.seen += 1
                if len(canary.sightings) < KEPT:
                    # Whoever is shown what another session stored did not state it.
                    role = f"{said.role}, {said.problem}" if said.problem else said.role
                    canary.sightings.append(Sighting(session_id, number, role, said.at))

    def spots(self, text: str) -> bool:
        """Whether one of them is in a text."""
        text = normal(text) if self._forms else ""
        return any(form.search(text) for _, form in self._forms)

    def findings(self) -> Iterator[Finding]:
        yield from (found for canary in self.canaries if (found := canary.finding()) is not None)


def normal(text: str) -> str:
    return _SEPARATORS.sub("", text.casefold())


def forms(text: str) -> list[str]:
    """Raises CrosswireError for a text that would be found everywhere."""
    plain = normal(text)
    if len(plain) < SHORTEST:
        raise CrosswireError(
            f"{text[:20]!r} is too short to look for: expected at least {SHORTEST} letters or digits. "
            "Take something that only one user would say, such as an order number."
        )
    found = [plain, plain[::-1]]
    raw = text.strip().encode()
    for offset in range(3):
        # Base64 depends on where in a group of three the text begins; its edges depend on what is beside it.
        box = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
        inner = normal(box[(0, 2, 3)[offset] : len(box) - (1 if (len(raw) + offset) % 3 else 0)])
        if len(inner) >= SHORTEST:
            found.append(inner)
    return found
