"""A schedule played up to where a visitor is: what each person sees, what is stored, and who can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from rag.crosstalk.checker.anomalies import KEY_COLLISION
from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.outcomes import Judge, Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.stepping import BadSchedule, Run, Stage, Stored, Texts, Track, played
from rag.crosstalk.strategies import find
from rag.settings import Settings
from rag.ui.race.code_listing import Place, place_of
from rag.ui.race.narration import Step, step_told


@dataclass(frozen=True, slots=True)
class Actor:
    """label: of the next step, None if there is none. place: in the code, where that step begins. bubbles: (role, text)
    as on a phone. waiting: for an answer. gives_up: whether the turn under way can be given up now."""

    letter: str
    name: str
    label: str | None
    blocked: bool
    waiting: bool
    bubbles: tuple[tuple[str, str], ...]
    place: Place | None = None
    gives_up: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """The moment after a schedule. steps: (letter, label) of each that was made; turns: of each, the number of the turn
    that it is of. stored: by session. copies: what turns under way hold in a variable: (letter, its name, messages).
    told: the last step in words."""

    schedule: str
    actors: tuple[Actor, ...]
    choices: tuple[str, ...]
    steps: tuple[tuple[str, str], ...]
    turns: tuple[int, ...]
    stored: Stored
    over: bool
    outcome: Outcome | None
    one_list: bool
    copies: tuple[tuple[str, str, Texts], ...] = ()
    told: str = ""

    @property
    def shared(self) -> bool:
        """Whether all sessions are one list."""
        return _shared(self.stored, one_list=self.one_list)


def look(strategy: str, scene: Scene, schedule: str, settings: Settings) -> Look:
    """Raises CrosswireError for what the strategy needs and is not there, BadSchedule for what cannot be played."""
    with temporary_lab(settings) as lab:
        stage = make_stage(strategy, scene, lab)
        earlier = _before(stage, schedule) if schedule else ()
        with closing(stage.start()) as run:
            return _look(strategy, run, schedule, earlier)


def _before(stage: Stage, schedule: str) -> Stored:
    """What is stored before the last step. Of a run of its own: to look at it may change it. Raises BadSchedule."""
    with closing(stage.start()) as run:
        try:
            run.play(schedule[:-1])
            if schedule[-1] in run.choices():
                return run.stored()
        except BadSchedule:
            pass
    played(stage, schedule)  # which says why it cannot be played
    raise BadSchedule(schedule, len(schedule), "cannot be played twice alike")


def _look(strategy: str, run: Run, schedule: str, earlier: Stored) -> Look:
    scene, steps, turns = run.stage.scene, list[tuple[str, str]](), list[int]()
    held: dict[str, Texts] = {}
    moments = prompts = 0
    for letter in schedule:
        track = run.tracks[scene.letters.index(letter.upper())]
        held = {one: messages for one, _, messages in _all_copies(run)}
        moments, prompts = len(run.moments), len(run.prompts)
        steps.append((letter, str(track.label) if letter.isupper() else "give up"))
        turns.append(track.number)
        run.step(letter)
    actors = tuple(_actor(run, track) for track in run.tracks)
    choices, over, copies = tuple(run.choices()), run.over, tuple(_all_copies(run))
    ended = [(what, text) for what, _, text in run.moments[moments:] if what != "invoke"]
    asked = [messages for _, messages in run.prompts[prompts:]]
    trace = run.trace()
    outcome = Judge(scene)(trace) if over or trace.stuck else None
    one_list = KEY_COLLISION.kind in find(strategy).expects
    said = ""
    if steps:
        letter, label = steps[-1]
        own = next((messages for one, _, messages in copies if one == letter), None)
        step = Step(
            letter,
            label,
            asked[-1] if asked else None,
            own if own != held.get(letter) else None,
            ended[-1] if ended else None,
            earlier,
            trace.stored,
            _shared(trace.stored, one_list=one_list),
        )
        said = step_told(scene, step)
    return Look(
        schedule, actors, choices, tuple(steps), tuple(turns), trace.stored, over, outcome, one_list, copies, said
    )


def _actor(run: Run, track: Track) -> Actor:
    return Actor(
        track.actor.letter,
        track.actor.shown,
        None if track.label is None else str(track.label),
        track.label is not None and not track.ready,
        track.under_way,
        _bubbles(run.moments, {said.op: said.text for said in track.actor.turns}),
        None if track.label is None else place_of(track.steps),
        track.actor.letter.lower() in run.choices(),
    )


def _shared(stored: Stored, *, one_list: bool) -> bool:
    lists = {messages for _, messages in stored}
    return len(stored) > 1 and len(lists) == 1 and (one_list or any(lists))


def playable(strategy: str, scene: Scene, settings: Settings, choose: Callable[[tuple[str, ...]], str]) -> str:
    """A whole schedule, each letter chosen from what is offered."""
    with temporary_lab(settings) as lab, closing(make_stage(strategy, scene, lab).start()) as run:
        while offered := tuple(letter for letter in run.choices() if letter.isupper()):
            run.step(choose(offered))
        return "".join(run.schedule)


def _all_copies(run: Run) -> list[tuple[str, str, Texts]]:
    return [copy for track in run.tracks for copy in _copies(track)]


def _copies(track: Track) -> Iterator[tuple[str, str, Texts]]:
    """What the turn has loaded, as long as it is under way."""
    frame = getattr(track.steps, "gi_frame", None)
    if frame is None or not track.under_way:
        return
    for name in ("copy", "memory", "history"):
        messages = _messages(frame.f_locals.get(name))
        if messages is not None:
            yield track.actor.letter, name, messages
            return


def _messages(value: Any) -> Texts | None:
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
