"""Drives a strategy's turns one atomic step at a time, in the order of a schedule: a letter a step, `AABBBA`.

A small letter gives that actor's turn up half-way, as a closed browser does. A step that would block is not offered.
There is no thread, no clock and no chance here, so a run can be repeated, and undone by repeating less of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import groupby
from typing import Any, Protocol

from rag.crosstalk.explore.scenes import Actor, Said, Scene, answer
from rag.crosstalk.log.events import Document, Event, Fail, History, Info, Invoke, Message, Ok, Prompt, Retrieved

LONGEST = 400
"""Steps of a run; one that goes on longer is played to its end with everybody in turn, and if it has none within so
many more, it goes round for ever."""
CANCELLED = "the turn was cancelled"


class BadSchedule(ValueError):
    """A schedule that cannot be played. place: of its first wrong letter, from 1."""

    def __init__(self, schedule: str, place: int, reason: str) -> None:
        self.schedule = schedule
        self.place = place
        super().__init__(f"The schedule {schedule!r} cannot be played: letter {place}, {reason}.")


class Drivable(Protocol):
    """What is needed of a strategy here."""

    def turn(self, asked: Any, /) -> Generator[str, None, str]: ...

    def history(self, session: str, /) -> list[Message]: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scene is played. make: a new, empty memory; asked: makes what its `turn` takes, from (op, user, session,
    text, ask, retrieved); end: lets go of it, and deletes what it stored of these sessions.

    named: the session's id for the strategy, for each run another one where a store outlives a run. keeps: False for a
    memory that keeps nothing by design.
    """

    scene: Scene
    make: Callable[[], Drivable]
    asked: Callable[..., Any]
    end: Callable[[Any, Sequence[str]], None] | None = None
    named: Callable[[], Callable[[str], str]] | None = None
    keeps: bool = True

    def start(self) -> Run:
        return Run(self)


@dataclass(slots=True)
class Track:
    """One actor on the way through its turns. label: of the step that is next; None: nothing left to do."""

    actor: Actor
    number: int = -1
    said: Said | None = None
    steps: Generator[str, None, str] | None = None
    label: str | None = None
    under_way: bool = False
    asked: Any = None
    early: tuple[str, str] | None = None
    """How a turn ended that came to no step, and what it said: its first letter tells."""

    @property
    def ready(self) -> bool:
        """Whether its next step can be run now."""
        if self.label is None:
            return False
        ready = getattr(self.label, "ready", None)
        return ready is None or bool(ready())


Moment = tuple[str, int, str]
"""What began (`invoke`) or ended, the turn's number, and what was said at the end."""
Texts = tuple[tuple[str, str], ...]
"""Messages: role and text."""
Stored = tuple[tuple[str, Texts], ...]


@dataclass(frozen=True, slots=True)
class Log:
    """What happened so far, less what makes no difference: when a prompt was made says nothing about the store, and
    which of two beginnings, or of two ends, was first makes no turn come before another one. So prompts, and moments of
    one sort that follow each other, are told in the order of their turns' numbers."""

    moments: tuple[Moment, ...] = ()
    prompts: tuple[tuple[int, Texts], ...] = ()
    retrieved: tuple[tuple[int, tuple[Document, ...]], ...] = ()

    def then(
        self,
        moments: Sequence[Moment],
        prompts: Sequence[tuple[int, Texts]],
        retrieved: Sequence[tuple[int, tuple[Document, ...]]],
    ) -> Log:
        told = self.moments
        if moments:
            groups = groupby((*told, *moments), _begins)
            told = tuple([one for _, group in groups for one in sorted(group, key=_second)])
        return Log(
            told,
            tuple(sorted((*self.prompts, *prompts), key=_first)) if prompts else self.prompts,
            tuple(sorted((*self.retrieved, *retrieved), key=_first)) if retrieved else self.retrieved,
        )

    def trace(self, stored: Stored, stuck: str) -> Trace:
        return Trace(self.moments, self.prompts, self.retrieved, stored, stuck)


@dataclass(frozen=True, slots=True)
class Trace:
    """What came of a run, and nothing that depends on how it got there: two runs with the same trace are the same."""

    moments: tuple[Moment, ...]
    prompts: tuple[tuple[int, Texts], ...]
    retrieved: tuple[tuple[int, tuple[Document, ...]], ...]
    stored: Stored
    stuck: str = ""

    def events(self, scene: Scene) -> list[Event]:
        """As an operation log. Its time counts beginnings and ends, one a second. A turn's prompts stand before its
        end: by then everybody had begun of whom they can hold anything."""
        turns = {said.op: (actor, said) for actor in scene.actors() for said in actor.turns}
        prompts: dict[int, list[Event]] = {}
        for op, messages in self.prompts:
            prompts.setdefault(op, []).append(Prompt(op, tuple([_message(*message) for message in messages])))
        for op, documents in self.retrieved:
            prompts.setdefault(op, []).append(Retrieved(op, documents))
        events: list[Event] = []
        for t, (what, op, text) in enumerate(self.moments, 1):
            actor, said = turns[op]
            if what == "invoke":
                events.append(
                    Invoke(
                        op,
                        actor.user,
                        actor.session,
                        float(t),
                        said.text,
                        actor.tab or 0,
                        plants=said.plants,
                        expects=said.expects,
                    )
                )
            else:
                events += prompts.pop(op, ())
                events.append(_ENDS[what](op, float(t), text))
        events += [prompt for left in prompts.values() for prompt in left]
        last = float(len(self.moments) + 1)
        events += [History(name, last, tuple([_message(*one) for one in messages])) for name, messages in self.stored]
        return events


_ENDS: dict[str, Callable[[int, float, str], Event]] = {"ok": Ok, "fail": Fail, "info": Info}


class Run:
    """A scene under way. Not thread-safe. Close it: strategies hold locks and connections."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.memory = stage.make()
        self.schedule: list[str] = []
        self.moments: list[tuple[str, int, str]] = []
        self.prompts: list[tuple[int, tuple[tuple[str, str], ...]]] = []
        self.retrieved: list[tuple[int, tuple[Document, ...]]] = []
        self.cancelled = 0
        self.name: Callable[[str], str] = stage.named() if stage.named else _same
        self.tracks = [Track(actor) for actor in stage.scene.actors()]
        for track in self.tracks:
            self._begin(track)

    def choices(self) -> list[str]:
        """The letters that can come next: steps first, then turns that can be given up."""
        found = [track.actor.letter for track in self.tracks if track.ready]
        if self.cancelled < self.stage.scene.cancels:
            found += [track.actor.letter.lower() for track in self.tracks if track.under_way]
        return found

    def busy(self) -> str:
        """The letters of those who are in the middle of a turn and can go on with it."""
        return "".join([track.actor.letter for track in self.tracks if track.under_way and track.ready])

    @property
    def over(self) -> bool:
        return all(track.label is None for track in self.tracks)

    def step(self, letter: str) -> None:
        """Run one step. Only what `choices` offers may be chosen."""
        track = self.tracks[ord(letter.upper()) - ord("A")]
        if track.said is None or track.steps is None:
            raise BadSchedule("".join([*self.schedule, letter]), len(self.schedule) + 1, self._refused(letter))
        self.schedule.append(letter)
        if letter.islower():
            self.cancelled += 1
            track.steps.close()
            self._end(track, track.said, "info", CANCELLED)
            return
        if not track.under_way:
            track.under_way = True
            self.moments.append(("invoke", track.said.op, ""))
        if track.early:
            self._end(track, track.said, *track.early)
            return
        try:
            track.label = next(track.steps)
        except StopIteration as stop:
            self._end(track, track.said, "ok", str(stop.value))
        except Exception as exc:  # what a strategy refuses, it refuses its user
            self._end(track, track.said, "fail", _failure(exc))

    def settle(self) -> None:
        """Play a run that is too long to its end, with everybody in turn: who waits for others by looking again and
        again is not to blame for a schedule that never lets them go on."""
        last = ""
        while LONGEST <= len(self.schedule) < 2 * LONGEST and (choices := self.choices()):
            steps = [letter for letter in choices if letter.isupper()] or choices
            last = next((letter for letter in steps if letter > last), steps[0])
            self.step(last)

    def play(self, schedule: str) -> None:
        """Raises BadSchedule."""
        for place, letter in enumerate(schedule, 1):
            if letter not in self.choices():
                raise BadSchedule(schedule, place, self._refused(letter))
            self.step(letter)

    def trace(self) -> Trace:
        """Of the run so far; turns under way have no end in it. To be asked for last: a look may change a memory."""
        log = Log().then(self.moments, self.prompts, self.retrieved)
        return log.trace(self.stored(), self.stuck())

    def stored(self) -> Stored:
        """As each session finds it. To be asked for last, as `trace`."""
        sessions = dict.fromkeys(track.actor.session for track in self.tracks)
        return tuple(
            [(name, tuple([(one.role, one.text) for one in self.memory.history(self.name(name))])) for name in sessions]
        )

    def stuck(self) -> str:
        if len(self.schedule) >= 2 * LONGEST:
            return "livelock"
        return "deadlock" if not self.over and not self.choices() else ""

    def close(self) -> None:
        for track in self.tracks:
            if track.steps is not None:
                track.steps.close()
        if self.stage.end is not None:
            self.stage.end(self.memory, list(dict.fromkeys(self.name(track.actor.session) for track in self.tracks)))

    def _begin(self, track: Track) -> None:
        track.number += 1
        track.under_way = False
        track.said = track.steps = track.label = track.asked = track.early = None
        if track.number >= len(track.actor.turns):
            return
        said = track.said = track.actor.turns[track.number]
        track.asked = self.stage.asked(
            said.op,
            track.actor.user,
            self.name(track.actor.session),
            said.text,
            partial(self._ask, said),
            partial(self._retrieved, said.op),
        )
        track.steps = self.memory.turn(track.asked)
        try:
            track.label = next(track.steps)
        except StopIteration as stop:
            track.early = "ok", str(stop.value)
        except Exception as exc:
            track.early = "fail", _failure(exc)
        if track.early:
            track.label = "end"

    def _end(self, track: Track, said: Said, how: str, text: str) -> None:
        self.moments.append((how, said.op, text))
        self._begin(track)

    def _ask(self, said: Said, messages: Sequence[Message]) -> str:
        self.prompts.append((said.op, tuple([(message.role, message.text) for message in messages])))
        return answer(messages, said.mark)

    def _retrieved(self, op: int, documents: Sequence[Document]) -> None:
        back = {self.name(track.actor.session): track.actor.session for track in self.tracks}
        shown = tuple(Document(one.id, back.get(one.owner, one.owner), one.text) for one in documents)
        self.retrieved.append((op, shown))

    def _refused(self, letter: str) -> str:
        offered = ", ".join(self.choices()) or "nothing, because all turns have ended or wait for each other"
        number = ord(letter.upper()) - ord("A") if len(letter) == 1 and letter.isalpha() and letter.isascii() else -1
        if not 0 <= number < len(self.tracks):
            return f"{letter!r}, belongs to nobody; possible: {offered}"
        track = self.tracks[number]
        if letter.islower():
            reason = "has no turn that can be cancelled here"
        elif track.label is None:
            reason = "has no step left"
        else:
            reason = f"has to wait ({track.label})"
        return f"{track.actor.shown} {reason}; possible: {offered}"


def played(stage: Stage, schedule: str) -> Trace:
    """What comes of a schedule, from its beginning. Raises BadSchedule."""
    with closing(stage.start()) as run:
        run.play(schedule)
        return run.trace()


@lru_cache(4096)
def _message(role: str, text: str) -> Message:
    return Message(role, text)


def _failure(exc: Exception) -> str:
    """In one line."""
    return " ".join(f"{type(exc).__name__}: {exc}".split())


def _same(session: str) -> str:
    return session


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _second(moment: tuple[str, int, str]) -> int:
    return moment[1]


def _begins(moment: tuple[str, int, str]) -> bool:
    return moment[0] == "invoke"
