"""A schedule played up to where a visitor is: what each person sees, what is stored, and who can go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

from rag.crosstalk.checker.anomalies import KEY_COLLISION
from rag.crosstalk.explore.explorer import make_stage, temporary_lab
from rag.crosstalk.explore.outcomes import Judge, Outcome
from rag.crosstalk.explore.scenes import Scene
from rag.crosstalk.explore.stepping import BadSchedule, Run, Stage, Stored, Texts, Track, played
from rag.crosstalk.strategies import find
from rag.settings import Settings
from rag.ui.race.scene.code_listing import Place, place_of
from rag.ui.race.scene.narration import Step, step_told


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
    """The moment after a schedule. steps: of each that was made its letter, its label, and the number of its turn.
    stored: by session; shared: all of them are one list. copies: what turns under way hold in a variable: (letter, its
    name, messages). told: the last step in words. unread: replies that wait in a pool of connections."""

    schedule: str
    actors: tuple[Actor, ...]
    choices: tuple[str, ...]
    steps: tuple[tuple[str, str, int], ...]
    stored: Stored
    shared: bool
    outcome: Outcome | None
    copies: tuple[tuple[str, str, Texts], ...]
    told: str
    unread: tuple[Texts, ...] = ()


def look(strategy: str, scene: Scene, schedule: str, settings: Settings) -> Look:
    """Raises CrosswireError for what the strategy needs and is not there, BadSchedule for what cannot be played."""
    with temporary_lab(settings) as lab:
        stage = make_stage(strategy, scene, lab)
        earlier = _before(stage, schedule) if schedule else ()
        with closing(stage.start()) as run:
            return Watch(strategy, scene)(run, schedule, earlier)


def _before(stage: Stage, schedule: str) -> Stored:
    """What is stored before the last step. Of a run of its own: to look at it may change it. Raises BadSchedule."""
    with closing(stage.start()) as run, suppress(BadSchedule):
        run.play(schedule[:-1])
        if schedule[-1] in run.choices():
            return run.stored()
    played(stage, schedule)  # which says why it cannot be played
    raise BadSchedule(schedule, len(schedule), "cannot be played twice alike")


class Watch:
    """Plays schedules of one strategy and scene, and tells what is seen. Not thread-safe."""

    def __init__(self, strategy: str, scene: Scene) -> None:
        kind = find(strategy)
        self._scene = scene
        self._one_list = KEY_COLLISION.kind in kind.expects
        self._judge = Judge(scene, keeps=kind.keeps)

    def __call__(
        self, run: Run, schedule: str, earlier: Stored, before_trace: Callable[[Run], None] = lambda _: None
    ) -> Look:
        """run: a new one. earlier: what is stored before the last step. before_trace: called with the run before what
        is stored is read."""
        scene, steps = self._scene, list[tuple[str, str, int]]()
        moments = prompts = 0
        held: Texts | None = None
        for place, letter in enumerate(schedule, 1):
            track = run.tracks[scene.letters.index(letter.upper())]
            if place == len(schedule):
                moments, prompts = len(run.moments), len(run.prompts)
                held = next((messages for owner, _, messages in _copies(run) if owner == letter), None)
            steps.append((letter, str(track.label) if letter.isupper() else "give up", track.number))
            run.step(letter)
        actors = tuple(_actor(run, track) for track in run.tracks)
        choices, over, copies = tuple(run.choices()), run.over, _copies(run)
        unread = _unread(run)
        before_trace(run)
        trace = run.trace()
        lists = {messages for _, messages in trace.stored}
        shared = len(trace.stored) > 1 and len(lists) == 1 and (self._one_list or any(lists))
        said = ""
        if steps:
            letter, label, _ = steps[-1]
            asked = [messages for _, messages in run.prompts[prompts:]]
            ended = [(what, text) for what, _, text in run.moments[moments:] if what != "invoke"]
            loaded = next((messages for owner, _, messages in copies if owner == letter), None)
            step = Step(
                letter,
                label,
                asked[-1] if asked else None,
                loaded if loaded != held else None,
                ended[-1] if ended else ("", ""),
                earlier,
                trace.stored,
                shared,
            )
            said = step_told(scene, step)
        outcome = self._judge(trace) if over or trace.stuck else None
        return Look(schedule, actors, choices, tuple(steps), trace.stored, shared, outcome, copies, said, unread)


def _actor(run: Run, track: Track) -> Actor:
    said = {turn.op: turn.text for turn in track.actor.turns}
    own = [(what, said[op], text) for what, op, text in run.moments if op in said]
    roles = {"invoke": "user", "ok": "assistant"}
    return Actor(
        track.actor.letter,
        track.actor.shown,
        None if track.label is None else str(track.label),
        track.label is not None and not track.ready,
        track.under_way,
        tuple((roles.get(what, "trouble"), asked if what == "invoke" else text) for what, asked, text in own),
        None if track.label is None else place_of(track.steps),
        track.actor.letter.lower() in run.choices(),
    )


def playable(strategy: str, scene: Scene, settings: Settings, choose: Callable[[tuple[str, ...]], str]) -> str:
    """A whole schedule, each letter chosen from what is offered."""
    with temporary_lab(settings) as lab, closing(make_stage(strategy, scene, lab).start()) as run:
        while offered := tuple(letter for letter in run.choices() if letter.isupper()):
            run.step(choose(offered))
        return "".join(run.schedule)


def _copies(run: Run) -> tuple[tuple[str, str, Texts], ...]:
    """What each turn has loaded, as long as it is under way."""
    found = []
    for track in run.tracks:
        frame = getattr(track.steps, "gi_frame", None)
        variables = frame.f_locals if frame is not None and track.under_way else {}
        held = ((name, _messages(variables.get(name))) for name in ("copy", "memory", "history"))
        found += [(track.actor.letter, name, messages) for name, messages in held if messages is not None][:1]
    return tuple(found)


def _unread(run: Run) -> tuple[Texts, ...]:
    """Of a memory that has such a thing."""
    found = getattr(run.memory, "unread", None)
    return () if found is None else tuple(tuple((one.role, one.text) for one in reply) for reply in found())


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
