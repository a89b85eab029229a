"""Every moment that a visitor can bring a scene to, explored once, so that a browser can play it without asking again.

Moments that show the same and go on alike are one, as the explorer tells them apart; where it cannot see a memory
whole, each schedule leads to a moment of its own. Each is looked at in a run of its own: to look may change a memory.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.states import Opaque, States
from rag.crosstalk.explore.stepping import BadSchedule, Run, Stage
from rag.crosstalk.strategies import find
from rag.settings import Settings
from rag.ui.race.scene.replay import Look, Watch

MOST_MOMENTS = 1_500
"""What a browser is given at once, at most; with more, the server is asked for each step."""
MOST_UNSEEN = 400
"""The same where moments cannot be told apart and each takes milliseconds: with files, or on Redis."""
MOST_SECONDS = 4.0
"""What a visitor waits for it."""


@dataclass(slots=True)
class Moment:
    """look: as it was first reached. to: by letter, which moment comes next, and that step in words. busy: the letters
    of those who are in the middle of a turn and could go on with it."""

    look: Look
    busy: str
    to: dict[str, tuple[int, str]] = field(default_factory=dict)


class TooLarge(Exception):
    """More moments than a browser is given."""


def explored(strategy: str, scene: Scene, settings: Settings | None = None) -> list[Moment]:
    """All of them, the beginning first. Raises TooLarge, and CrosswireError for what the strategy needs and is not
    there."""
    kind = find(strategy)
    with temporary_lab(settings) as lab:
        stage = make_stage(strategy, scene, lab)
        walk = _Walk(strategy, stage, same=kind.in_process)
        return walk.all(MOST_MOMENTS if kind.in_process else MOST_UNSEEN, time.monotonic() + MOST_SECONDS)


def chain(strategy: str, scene: Scene, schedule: str, known: Sequence[Moment], settings: Settings) -> list[Moment]:
    """The moments along a schedule, the beginning first. known: those of another one; what they share is not played
    again. Raises BadSchedule for what cannot be played, and CrosswireError."""
    moments = _shared(schedule, known)
    if len(moments) == len(schedule) + 1:
        return moments
    with temporary_lab(settings) as lab:
        walk = _Walk(strategy, make_stage(strategy, scene, lab))
        for length in range(len(moments), len(schedule) + 1):
            moments.append(walk.after(moments, schedule[:length]))
    return moments


def advanced(
    strategy: str, scene: Scene, schedule: str, keys: str, known: Sequence[Moment], settings: Settings
) -> tuple[list[Moment], str]:
    """The moments along a schedule and what was pressed behind it, each key in turn: a letter, `<` to undo, `0` to
    begin anew. Also says of the last key, where it could not be played, why. known, raises: as of `chain`."""
    moments, refused = chain(strategy, scene, schedule, known, settings), ""
    with temporary_lab(settings) as lab:
        walk = _Walk(strategy, make_stage(strategy, scene, lab))
        for key in keys:
            now, refused = moments[-1].look, ""
            if key == "0":
                moments = moments[:1]
            elif key == "<":
                moments = moments[:-1] or moments
            elif key in now.choices:
                moments.append(walk.after(moments, now.schedule + key))
            else:
                refused = _refused(now, key)
    return moments, refused


def _refused(now: Look, key: str) -> str:
    who = next((actor for actor in now.actors if actor.letter == key.upper()), None)
    if who is None:
        return f"{key} belongs to nobody."
    if key.islower():
        return f"{who.name} has no turn to cancel now."
    return f"{who.name} has no step left." if who.label is None else f"{who.name} has to wait."


def _shared(schedule: str, known: Sequence[Moment]) -> list[Moment]:
    """Of known moments those that lie on the way of a schedule."""
    return [one for length, one in enumerate(known) if one.look.schedule == schedule[:length]][: len(schedule) + 1]


class _Walk:
    def __init__(self, strategy: str, stage: Stage, *, same: bool = False) -> None:
        self.stage = stage
        self._watch = Watch(strategy, stage.scene)
        self._states = States(stage) if same else None

    def all(self, most: int, until: float) -> list[Moment]:
        """until: on the monotonic clock. Raises TooLarge."""
        first, key = self.at("", None)
        moments, numbers = [first], {key: 0}
        left = deque([0])
        while left:
            moment = moments[left.popleft()]
            for letter in moment.look.choices:
                there, key = self.at(moment.look.schedule + letter, moment)
                number = numbers.setdefault(key, len(moments))
                if number == len(moments):
                    if number >= most or time.monotonic() > until:
                        raise TooLarge
                    moments.append(there)
                    left.append(number)
                moment.to[letter] = number, there.look.told
        return moments

    def after(self, moments: Sequence[Moment], schedule: str) -> Moment:
        """Behind the last of these. Raises BadSchedule."""
        if moments and schedule[-1] not in moments[-1].look.choices:
            with closing(self.stage.start()) as run:
                run.play(schedule)  # says why it cannot be played
            raise BadSchedule(schedule, len(schedule), "cannot be played twice alike")
        return self.at(schedule, moments[-1] if moments else None)[0]

    def at(self, schedule: str, before: Moment | None) -> tuple[Moment, Hashable]:
        """before: the moment before its last step. Also gives what tells it apart from others."""
        with closing(self.stage.start()) as run:
            state, busy = None, ""

            def last(run: Run) -> None:
                nonlocal state, busy
                state, busy = self._state(run), run.busy()

            look = self._watch(run, schedule, before.look.stored if before else (), last)
        end = look.outcome.trace if look.outcome else None
        told = look.actors, look.copies, look.unread, look.choices, look.stored, end
        return Moment(look, busy), (state if state is not None else schedule, told)

    def _state(self, run: Run) -> Any:
        if self._states is None:
            return None
        try:
            state = self._states(run)
        except Opaque:
            self._states = None
            return None
        return state, tuple(run.moments), tuple(run.prompts), tuple(run.retrieved)
