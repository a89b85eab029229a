"""From an operation log to a report: who saw whose data, what was lost, and whether that can be said at all.

A pure function of the log, whether its events come one by one or all at once. It reads the log once and takes
near-linear time; sessions are checked one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rag.crosstalk.checker.anomalies import KEY_COLLISION, LEAKS, breaking
from rag.crosstalk.checker.canaries import Canaries, Foreseen
from rag.crosstalk.checker.deletions import foreign_deletes, untold
from rag.crosstalk.checker.findings import Anomaly, Controls, Findings, Reach, Recall, Report, Shape, Verdict, bound
from rag.crosstalk.checker.histories import sessions
from rag.crosstalk.checker.misrouted import astray
from rag.crosstalk.checker.observed import Observed, Step, Turn
from rag.crosstalk.checker.sentences import CAUSES, cause, explained, why
from rag.crosstalk.checker.swapped_answers import same_list, swapped_answers
from rag.crosstalk.checker.turn_rules import LEAK_RULES, RULES, Rule
from rag.crosstalk.log.events import FORMAT, BadLog, Control, Event

__all__ = ["Checker", "Report", "check", "judged", "kinds", "observe"]


class Checker:
    """Takes events as they come: what a text shows is known at once, what sessions show when they are complete.

    window: turns of memory that a prompt holds; None: as many as the log says, or all of them. require_memory: seen
    from outside, an answer without what its user had stated is amnesia. leaks_only: the log does not say what prompts
    owe to earlier turns, so only what is somebody else's counts. keeps: False for a service that keeps no memory by
    design: what it loses is no anomaly, and it is judged by whether users stay apart. Not thread-safe.
    """

    def __init__(
        self,
        *,
        window: int | None = None,
        require_memory: bool = False,
        leaks_only: bool = False,
        keeps: bool = True,
    ) -> None:
        self._seen = Observed()
        self._seen.memory_required, self._seen.keeps = require_memory, keeps
        self._window = window
        self._rules = LEAK_RULES if leaks_only else RULES

    @property
    def found(self) -> Findings:
        """What texts have shown so far: may be looked at by others, and is theirs to copy."""
        return self._seen.findings

    def take(self, event: Event) -> None:
        """Raises ValueError for an event that contradicts an earlier one."""
        self._seen.take(event)

    def take_all(self, events: Iterable[Event]) -> None:
        """Where they can be read twice, controls that are named at the end count from the beginning. Raises BadLog."""
        _observe(events, self._seen)

    def told(self, anomaly: Anomaly) -> str:
        """In a sentence, one of those that were found."""
        return explained(anomaly, self._seen)

    def steps(self) -> list[Step]:
        """The answered turns, for whoever plays them again."""
        return self._seen.steps()

    def report(self, most: int | None = None) -> Report:
        """Once the log is complete; it may be asked for again. most: of each kind, as many are counted at least, and
        whom they met in any case: a verdict that need not wait for the rest."""
        seen, before = self._seen, self._seen.findings
        seen.findings = before.fork(most)
        try:
            return _report(_judge(seen, self._window, self._rules))
        finally:
            seen.findings = before


def check(
    events: Iterable[Event],
    *,
    window: int | None = None,
    require_memory: bool = False,
    leaks_only: bool = False,
    keeps: bool = True,
) -> Report:
    """What a log shows. The options are those of `Checker`.

    Raises BadLog for an event that contradicts an earlier one; `read`, which makes events of lines, raises it as well.
    """
    checker = Checker(window=window, require_memory=require_memory, leaks_only=leaks_only, keeps=keeps)
    checker.take_all(events)
    return checker.report()


def kinds(events: Iterable[Event], common: Canaries, *, keeps: bool = True) -> set[str]:
    """Of the anomalies alone, for who judges very many logs with the same texts. common: knows all of their canaries;
    it looks each text through once. Raises BadLog."""
    seen = Observed(Foreseen(common), counted_only=True)
    seen.keeps = keeps
    return set(_judge(_observe(events, seen), None).findings.counts)


def judged(events: Iterable[Event], window: int | None = None) -> Observed:
    """The same as `check` without the report: the kinds are in its findings. Raises BadLog."""
    return _judge(observe(events), window)


def _judge(seen: Observed, window: int | None, rules: tuple[Rule, ...] = RULES) -> Observed:
    lists: dict[int, str] = {}
    heard = astray(seen)
    for session in sessions(seen, window):
        for rule in () if session.in_order else rules:
            rule(session, seen.findings)
        same_list(session, lists, seen.findings)
    swapped_answers(seen, heard)
    foreign_deletes(seen)
    if not seen.keeps:
        seen.findings.set_aside(breaking("memory"))
    return seen


def observe(events: Iterable[Event]) -> Observed:
    """One pass over the log; where it can be read twice, controls that are named at its end count from its beginning.

    Raises BadLog.
    """
    return _observe(events, Observed())


def _observe(events: Iterable[Event], seen: Observed) -> Observed:
    if iter(events) is not events:
        for event in events:
            if isinstance(event, Control):
                seen.take(event)
    for number, event in enumerate(events, 1):
        try:
            seen.take(event)
        except ValueError as exc:
            raise BadLog(getattr(events, "line", number), str(exc)) from None
    return seen


def _report(seen: Observed) -> Report:
    found = seen.findings
    verdict, reason = _verdict(seen)
    kept, suspected = (
        tuple(replace(one, explanation=explained(one, seen)) for one in sorted(those, key=lambda one: one.t))
        for those in (found.kept, found.only_suspected())
    )
    why_so = cause(kept, seen) if verdict == "anomalies" else None
    leaks = sum(found.counts[kind] for kind in LEAKS if kind != KEY_COLLISION.kind)
    sure = verdict != "unknown"
    controls = Controls(len(seen.canaries), len(seen.recalled), len(seen.controls_seen))
    capped = () if found.most is None else tuple(k for k, n in sorted(found.counts.items()) if n >= found.most)
    return Report(
        verdict,
        why(verdict, reason, seen),
        "white" if seen.white else "black",
        len(seen.turns),
        seen.users,
        {kind: count for kind, count in sorted(found.counts.items()) if count},
        kept,
        bound(seen.chances) if sure and not leaks else None,
        controls,
        seen.answered,
        len(seen.sessions),
        why_so,
        tuple(sorted((user, owner, count) for (user, owner), count in found.seen.items())),
        CAUSES[why_so] if why_so else "",
        seen.chances,
        Recall(found.chances, found.recalled),
        _shapes(seen, sure=sure),
        suspected,
        Reach(found.reach(LEAKS).users, len(found.leaking)),
        {kind: found.reach([kind]) for kind in sorted(found.met)},
        found.by_design,
        len(found.shown),
        capped,
    )


def _shapes(seen: Observed, *, sure: bool) -> tuple[Shape, ...]:
    """In the order in which they were first played. sure: whether anything can be said, so that there are bounds."""
    played: dict[str, list[Turn]] = {}
    for turn in seen.turns.values():
        if turn.shape:
            played.setdefault(turn.shape, []).append(turn)
    found = []
    for name, turns in played.items():
        answered = [turn for turn in turns if turn.end == "ok"]
        capable = sum(map(seen.foreign_capable, answered))
        leaking = sum(turn.op in seen.findings.leaking for turn in turns)
        most = bound(capable) if sure and not leaking else None
        found.append(Shape(name, len(turns), len(answered), capable, leaking, most))
    return tuple(found)


def _verdict(seen: Observed) -> tuple[Verdict, str]:
    """The verdict and, where it is unknown, the reason."""
    if not seen.turns:
        return "unknown", "the log holds no turn"
    if seen.controls_seen:
        seen_one = sorted(seen.controls_seen)[0]
        return "unknown", f"the control canary {seen_one!r}, which nobody stated, was seen: the detector is broken"
    if seen.twice:
        return "unknown", f"the canary {sorted(seen.twice)[0]!r} was planted twice, so it tells nothing about its owner"
    if seen.findings.counts.total():
        return "anomalies", ""
    if not seen.answered:
        return "unknown", "no turn was answered"
    all_turns = seen.turns.values()
    refused = sum(turn.refused for turn in all_turns)
    if refused > seen.answered:
        return "unknown", (
            f"only {seen.answered} of {seen.answered + refused} turns were answered, and what the others would have "
            "shown nobody knows. See why they failed, or ask more slowly (--in-flight, --think)"
        )
    if seen.users < 2:
        return "unknown", "fewer than two users were answered, so nobody's data could have reached another"
    if not seen.canaries:
        return "unknown", (
            "no canary was planted, so a leak could not have been seen. Name in `plants` what a turn's text states and "
            f"nobody else knows, and in `expects` what its answer should repeat ({FORMAT})"
        )
    if not seen.keeps:
        if any(turn.prompt is not None and turn.end == "ok" and seen.foreign_capable(turn) for turn in all_turns):
            return "isolated", ""
        return "unknown", "no answered turn whose prompt was seen came after another user's data, so none could leak"
    if not seen.recalled:
        return "unknown", (
            "nobody ever recalled their own canary: a test that could not have leaked proves nothing. If it has a "
            "memory, let it answer what a user has stated (in full, not in its own words); else show its prompts or "
            "stored histories in an operation log"
        )
    if not any(turn.recalls and turn.end == "ok" and seen.foreign_capable(turn) for turn in all_turns):
        return "unknown", (
            "no answered turn that remembered something came after another user's data, so none could have leaked. "
            "Let users overlap, or ask again later"
        )
    return ("unknown", reason) if (reason := untold(seen)) else ("isolated", "")
