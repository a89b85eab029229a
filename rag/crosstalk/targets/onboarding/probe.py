"""A few turns of two made-up people, before a hundred are sent: does a chat answer, and does it remember?

And whether it streams, limits its rate, or shows one what the other said. What is wrong is said with what to do.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from http import HTTPStatus

from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.onboarding.answer_paths import likely
from rag.crosstalk.targets.onboarding.findings import Finding, found, leaked, remembered
from rag.crosstalk.targets.onboarding.turns import Exchange, Turns


@dataclass(frozen=True, slots=True)
class Probe:
    """What the turns have shown. remembers: None where nothing can be said. leaked: what the second user was shown of
    the first one's. limited: refusals for the rate. paths: where its answer may be, the likeliest first; answer: what
    a description should name, empty where it names the right one."""

    exchanges: tuple[Exchange, ...]
    answers: bool
    remembers: bool | None
    streams: bool
    limited: int
    leaked: tuple[str, ...]
    paths: tuple[str, ...]
    answer: str
    findings: tuple[Finding, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(finding.text for finding in self.findings)


def probe(target: Target, stop: threading.Event | None = None) -> Probe:
    """Ask it: three turns of one user, then two of another one. Ends at the first turn that is not answered,
    and when `stop` is set.

    Blocks, for as long as the target's own deadlines allow. Raises nothing for what the target does.
    """
    turns = Turns(target, stop or threading.Event())
    turns.ask()
    paths, answer = _paths(turns)
    return Probe(
        tuple(turns.done),
        turns.answered,
        remembered(turns),
        target.streams,
        turns.http.limits.met if turns.http else 0,
        leaked(turns),
        paths,
        answer,
        tuple(found(turns, paths, answer)),
    )


def with_answer(probed: Probe, target: HttpTarget) -> HttpTarget | None:
    """The same target, told where its answer is; None where the description needs no such thing."""
    if not probed.answer:
        return None
    description, step = target.description, target.description.answered_by
    if step is description:
        described = description.model_copy(update={"answer": probed.answer})
    else:
        last = step.model_copy(update={"answer": probed.answer})
        described = description.model_copy(update={"then": [*description.then[:-1], last]})
    return target.other(described)


def settled(target: Target, stop: threading.Event | None = None) -> tuple[Probe, Target]:
    """Probe it; where only the place of the answer is not known, take the likeliest and probe again.

    The target that was given is closed where another one is handed back.
    """
    first = probe(target, stop)
    other = with_answer(first, target) if isinstance(target, HttpTarget) else None
    if other is None:
        return first, target
    target.close()
    second = first if first.answers else probe(other, stop)
    place = [finding for finding in first.findings if finding.about == "place"]
    kept = [finding for finding in second.findings if finding.about != "place"]
    return replace(second, answer=first.answer, paths=first.paths, findings=(*kept[:1], *place, *kept[1:])), other


def _paths(turns: Turns) -> tuple[tuple[str, ...], str]:
    """Where texts are in the last answer, and the path to write where the description names none, or a wrong one.
    Socket.IO's are named by event."""
    reply = turns.reply
    queued = reply is not None and reply.status == HTTPStatus.ACCEPTED  # what there is belongs to the queue
    if turns.http is None or reply is None or not turns.done or queued or turns.http.description.socketio:
        return (), ""
    values = reply.parts if reply.streamed else [reply.value]
    paths = likely([value for value in values if isinstance(value, dict | list)], turns.done[-1].question)
    named = turns.http.description.answered_by.answers
    right = named and reply.text is not None
    return paths, "" if right or not paths else paths[0]
