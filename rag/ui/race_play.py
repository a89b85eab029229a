"""A schedule played up to where a visitor is: what each person sees, what is stored, and who can go on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from rag.crosstalk.exploring import make_stage, source_of, strategy_class, temporary_lab
from rag.crosstalk.outcomes import Judge, Outcome
from rag.crosstalk.scenes import Scene
from rag.crosstalk.stepping import BadSchedule, Track
from rag.settings import Settings

COLOURS = ("violet", "orange", "green", "blue", "red")
"""Of the actors, in their order. Their letter stands beside it."""
_MARK = re.compile(r"\((?:to )?([A-E])\d\)$")
FOLD = 42
"""Characters of a line, with its margin, that fit beside the store."""
_YIELD = re.compile(r'yield (?:Wait\()?"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Actor:
    """label: of the next step, None if there is none. bubbles: (role, text) as on a phone. waiting: for an answer."""

    letter: str
    name: str
    label: str | None
    blocked: bool
    waiting: bool
    bubbles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Look:
    """The moment after a schedule. steps: (letter, label) of each that was made. stored: by session. copies: what turns
    under way hold in a variable: (letter, its name, messages)."""

    schedule: str
    actors: tuple[Actor, ...]
    choices: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    stored: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    over: bool
    outcome: Outcome | None
    one_list: bool
    copies: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def shared(self) -> bool:
        """Whether all sessions are one list."""
        lists = {messages for _, messages in self.stored}
        return len(self.stored) > 1 and len(lists) == 1 and (self.one_list or any(lists))


def look(strategy: str, scene: Scene, schedule: str, settings: Settings) -> Look:
    """Raises CrosswireError for what the strategy needs and is not there, BadSchedule for what cannot be played."""
    with temporary_lab(settings) as lab, closing(make_stage(strategy, scene, lab).start()) as run:
        steps = []
        for letter in schedule:
            track = run.tracks[ord(letter.upper()) - ord("A")] if letter.upper() in scene.letters else None
            if track is not None and letter in run.choices():
                steps.append((letter, str(track.label) if letter.isupper() else "give up"))
            run.play(letter) if letter in run.choices() else _refuse(schedule, len(steps) + 1)
        actors = tuple(
            Actor(
                track.actor.letter,
                track.actor.shown,
                None if track.label is None else str(track.label),
                track.label is not None and not track.ready,
                track.under_way,
                _bubbles(run.moments, {said.op: said.text for said in track.actor.turns}),
            )
            for track in run.tracks
        )
        choices, over = tuple(run.choices()), run.over
        copies = tuple(copy for track in run.tracks for copy in _copies(track))
        trace = run.trace()
        outcome = Judge(scene)(trace) if over or trace.stuck else None
        one_list = "key-collision" in strategy_class(strategy).expects
        return Look(schedule, actors, choices, tuple(steps), trace.stored, over, outcome, one_list, copies)


def playable(strategy: str, scene: Scene, settings: Settings, choose: Callable[[tuple[str, ...]], str]) -> str:
    """A whole schedule, each letter chosen from what is offered."""
    with temporary_lab(settings) as lab, closing(make_stage(strategy, scene, lab).start()) as run:
        while offered := tuple(letter for letter in run.choices() if letter.isupper()):
            run.step(choose(offered))
        return "".join(run.schedule)


def owner_of(text: str) -> str | None:
    """The letter of the actor whose turn a message belongs to."""
    found = _MARK.search(text)
    return found[1] if found else None


def annotated(strategy: str, actors: tuple[Actor, ...]) -> str:
    """The strategy's code from its turn on, each actor's letter before the line that comes next for it."""
    lines = source_of(strategy).splitlines()
    first = next((number for number, line in enumerate(lines) if "def turn(" in line), 0)
    last = next((n for n in range(first + 1, len(lines)) if lines[n].startswith("    def ")), len(lines))
    margin = max(4, len(actors) + 2)
    shown = []
    for line in dedent("\n".join(lines[first + 1 : last])).splitlines():
        found = _YIELD.search(line)
        here = "".join(one.letter for one in actors if found and one.label and one.label == found[1])
        for place, part in enumerate(_folded(line, FOLD - margin)):
            shown.append(f"{here + '▶' if here and not place else '':<{margin}}{part}")
    return "\n".join(shown).rstrip()


def _folded(line: str, wide: int, *, inside: bool = False) -> list[str]:
    """A long line of code in several, broken after a bracket or a comma, or at a blank inside of brackets: wrapped by a
    browser it would lose its indent and run into the margin."""
    if len(line) <= wide:
        return [line]
    code, mark, note = line.partition("  # ")
    if mark and len(code) <= wide:
        return [f"{' ' * (len(code) - len(code.lstrip()))}# {note}", code]
    indent = len(line) - len(line.lstrip())
    spot = _spot(line, indent, wide, "([{,") or (_spot(line, indent, wide, " ") if inside else 0)
    if not spot:
        return [line]
    rest = " " * (indent if inside else indent + 4) + line[spot:].lstrip()
    return [line[:spot].rstrip(), *_folded(rest, wide, inside=True)]


def _spot(line: str, indent: int, wide: int, after: str) -> int:
    """Behind the last of these that fits, of those that are in the fewest brackets and in no text; else 0."""
    best, depth, quote = (99, 0), 0, ""
    for place in range(indent, min(wide, len(line) - 1)):
        letter = line[place]
        if letter in "\"'" and quote in ("", letter):
            quote = "" if quote else letter
        if quote:
            continue
        depth += (letter in "([{") - (letter in ")]}")
        if letter in after and depth <= best[0]:
            best = depth, place + 1
    return best[1]


def _copies(track: Track) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """What the turn has loaded, as long as it is under way."""
    frame = getattr(track.steps, "gi_frame", None)
    if frame is None or not track.under_way:
        return
    for name in ("copy", "memory", "history"):
        messages = _messages(frame.f_locals.get(name))
        if messages is not None:
            yield track.actor.letter, name, messages
            return


def _messages(value: Any) -> tuple[tuple[str, str], ...] | None:
    """Of a list of ours or of LangChain's, or of one of its memories; None for anything else."""
    found = getattr(getattr(value, "chat_memory", None), "messages", value)
    if not isinstance(found, list):
        return None
    ours = {"human": "user", "ai": "assistant"}
    if all(hasattr(one, "role") and hasattr(one, "text") for one in found):
        return tuple((one.role, one.text) for one in found)
    if all(hasattr(one, "type") and hasattr(one, "content") for one in found):
        return tuple((ours.get(one.type, one.type), str(one.content)) for one in found)
    return None


def _bubbles(moments: list[tuple[str, int, str]], said: dict[int, str]) -> tuple[tuple[str, str], ...]:
    found = []
    for what, op, text in moments:
        if op in said:
            role = {"invoke": "user", "ok": "assistant"}.get(what, "trouble")
            found.append((role, said[op] if what == "invoke" else text))
    return tuple(found)


def _refuse(schedule: str, place: int) -> None:
    raise BadSchedule(schedule, place, "cannot come next")
