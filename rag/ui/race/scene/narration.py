"""What happened on the board, in words: what a step read or wrote and whose data that was, and how a schedule ended.

Plain text, in which `**` stands around the names of whoever's data it is that should not be there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.crosstalk.explore.outcomes import STUCK, Outcome, gravest
from rag.crosstalk.explore.scenes import LETTERS, PEOPLE, Scene
from rag.crosstalk.explore.stepping import Stored, Texts

_MARK = re.compile(r"\((?:to )?([A-E])\d\)$")
_CLOCK = re.compile(r",? (?:\d[\d.]* (?:ms|s|min)|less than \d+ m?s) earlier")
_TURN = re.compile(r"\b(\w{1,40})'s turn (\d+)")
_THEIR = {"Ada": "her", "Ben": "his", "Cleo": "her", "Dan": "his", "Eva": "her"}


@dataclass(frozen=True, slots=True)
class Step:
    """asked: what the model was given. loaded: what the turn now holds in a variable, if that changed. end: how the
    turn ended (empty: it did not), and its words. before and after: what is stored. shared: one list for all."""

    letter: str
    label: str
    asked: Texts | None
    loaded: Texts | None
    end: tuple[str, str]
    before: Stored
    after: Stored
    shared: bool


def owner_of(text: str) -> str | None:
    """The letter of the actor whose turn a message belongs to."""
    found = _MARK.search(text)
    return found[1] if found else None


def step_told(scene: Scene, step: Step) -> str:
    tell, told = _Teller(scene, step.letter.upper()), list[str]()
    if step.letter.islower():
        told.append(f"{tell.Me} cancels the turn.")
    asks = step.label.startswith("ask")
    if step.loaded is not None and not asks and (step.before == step.after or "load" in step.label):
        place = "the shared list" if step.shared else "the session's list" if tell.tabs else "the history"
        told.append(f"{tell.Me} reads {place}: it {tell.holds(step.loaded)}.")
    if step.asked is not None:
        rest = tell.beside(step.asked)
        more = f"besides {tell.its} question, it {tell.holds(rest)}" if rest else f"it holds only {tell.its} question"
        told.append(f"The model gets {tell.my} prompt: {more}.")
    if step.loaded is not None and asks:
        told.append(f"Question and answer go into {tell.my} copy; nobody else sees that yet.")
    told += tell.stored(step)
    what, text = step.end
    if what == "fail":
        told.append(f"{tell.my.capitalize()} turn is refused: {text.rstrip('.')}.")
    elif what == "ok" and (whose := tell.addresses(((what, text),))):
        told.append(f"{tell.my.capitalize()} answer shows {whose}.")
    elif what == "ok" and not told:
        told.append(f"{tell.Me} gets the answer.")
    return " ".join(told) or "Nothing visible changes."


class _Teller:
    """Of one actor."""

    def __init__(self, scene: Scene, letter: str) -> None:
        self.letter = letter
        self.tabs = scene.tabs
        self.names = {
            actor.letter: f"tab {actor.tab + 1}" if actor.tab is not None else actor.user for actor in scene.actors()
        }
        self.others = set(self.names) - {letter}
        self.sessions = {actor.session: actor.letter for actor in reversed(scene.actors())}
        self.me = self.names[letter]
        self.Me = self.me[0].upper() + self.me[1:]
        self.my = f"{self.me}'s"
        self.its = _THEIR.get(self.me, "its")

    def beside(self, prompt: Texts) -> Texts:
        """A prompt without the question that was just asked, the last one of its own."""
        own = [at for at, (role, text) in enumerate(prompt) if role == "user" and owner_of(text) == self.letter]
        return prompt[: own[-1]] + prompt[own[-1] + 1 :] if own else prompt

    def holds(self, messages: Texts) -> str:
        if not messages:
            return "is empty"
        whose = self.addresses(messages)
        return f"holds {self.parts(messages)}{f', with {whose}' if whose else ''}"

    def parts(self, messages: Texts) -> str:
        """Such as “her question and Ben's question and answer”."""
        found: dict[str | None, list[str]] = {}
        for role, text in messages:
            found.setdefault(owner_of(text), []).append({"user": "question", "assistant": "answer"}.get(role, "note"))
        said = []
        for owner, roles in found.items():
            whose = self.its if owner == self.letter else f"{self.names[owner]}'s" if owner in self.names else "a"
            once = " and ".join(dict.fromkeys(roles))
            said.append(f"{whose} {once if len(set(roles)) == len(roles) else f'{len(roles)} messages'}")
        return ", ".join(said[:-1]) + (" and " if said[1:] else "") + said[-1]

    def addresses(self, messages: Texts) -> str:
        """Those in there that are another user's; all tabs are one user's."""
        if self.tabs:
            return ""
        there = [
            f"**{name}'s address**"
            for letter, (name, address) in zip(LETTERS, PEOPLE, strict=True)
            if letter != self.letter and any(address in text for _, text in messages)
        ]
        return " and ".join(there)

    def stored(self, step: Step) -> Iterator[str]:
        before = dict(step.before)
        for session, now in step.after[:1] if step.shared else step.after:
            was = before.get(session, ())
            if now == was:
                continue
            place = self._place(session, shared=step.shared)
            if now[: len(was)] == was:
                last = owner_of(was[-1][1]) if was and was[-1][0] == "user" else None
                behind = f", right after {self.names[last]}'s unanswered question" if last in self.others else ""
                yield f"{self.Me} stores {self.parts(now[len(was) :])} in {place}{behind}."
                continue
            gone = [one for one in was if one not in now]
            lost = f": {self.parts(tuple(gone))} {'are' if len(gone) > 1 else 'is'} gone" if gone else ""
            yield f"{self.Me} overwrites {place}{lost}."

    def _place(self, session: str, *, shared: bool) -> str:
        if shared:
            return "the shared list"
        if self.tabs:
            return "the session's list"
        owner = self.sessions.get(session, self.letter)
        return f"{self.its} own list" if owner == self.letter else f"**{self.names[owner]}'s** list"


def told(outcome: Outcome) -> str:
    """How a schedule ended: the gravest anomaly in a sentence, or that there was none. There is no clock in the lab, so
    it tells no times, and it tells a tab's turn by its tab."""
    if not outcome.kinds:
        return outcome.told
    kind = next(gravest(outcome.kinds))
    if kind in STUCK:
        return STUCK[kind]
    found = [one for one in outcome.report.anomalies if one.kind == kind]
    if not found:
        return outcome.told
    said = min(found, key=lambda one: one.surface != "answer").explanation  # what a user sees, before what caused it
    return _turns(_CLOCK.sub("", said), outcome)


def _turns(said: str, outcome: Outcome) -> str:
    scene = outcome.scene
    if not scene.tabs:
        return said if scene.turns > 1 else _TURN.sub(r"\1's turn", said).replace(" in turn 1", "")
    names = {
        said.op: f"{f'turn {place}' if scene.turns > 1 else 'the turn'} of tab {(actor.tab or 0) + 1}"
        for actor in scene.actors()
        for place, said in enumerate(actor.turns, 1)
    }
    # A number is a place among the turns of the one user, in the order in which they were sent.
    turns = [names[op] for what, op, _ in outcome.trace.moments if what == "invoke"]

    def named(found: re.Match[str]) -> str:
        number = int(found[2])
        name = turns[number - 1] if number <= len(turns) else found[0]
        return name if found.start() else name[0].upper() + name[1:]

    return _TURN.sub(named, said)
