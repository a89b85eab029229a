"""What happened, in words: a sentence for each anomaly and one for the whole. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rag.crosstalk.checker.anomalies import (
    CORRUPT,
    DEFINITIONS,
    FOREIGN_READ,
    FOREIGN_WRITE,
    LEAKS,
    REORDERED,
    SUSPECTED_READ,
    SWAPPED_ANSWER,
)
from rag.crosstalk.checker.deletions import without_effect
from rag.crosstalk.checker.findings import Anomaly, Verdict, bound
from rag.crosstalk.checker.observed import Observed, Turn

Cause = Literal["scope bug", "race", "cannot tell"]
CAUSES: dict[Cause, str] = {
    "scope bug": "A scope bug: it leaked with users strictly one after the other, so something is shared that must not "
    "be.",
    "race": "A race: it leaks only when one turn interrupts another, never with users one after the other.",
    "cannot tell": "A scope bug or a race? This log cannot tell, because turns overlapped or were cancelled before the "
    "first leak was complete. Run it with one turn at a time (simulate --in-flight 1): what leaks then is a scope bug. "
    "For a strategy, explore can tell.",
}


def explained(anomaly: Anomaly, seen: Observed) -> str:
    """One sentence: who, whose, when and through what."""
    definition = DEFINITIONS.get(anomaly.kind, SUSPECTED_READ)
    turn = seen.turns.get(anomaly.op) if anomaly.op is not None else None
    source = seen.turns.get(anomaly.owner_op) if anomaly.owner_op is not None else None
    question = anomaly.evidence.startswith("question")
    sentence = definition.variants.get(_variant(anomaly, turn, source), definition.sentence)
    told = sentence.format(
        turn=_turn(turn) if turn is not None else f"a turn of {anomaly.session or 'a session'}",
        other=_turn(source) if source is not None else "another turn",
        user=anomaly.user,
        owner=anomaly.owner or "somebody",
        whose=_whose(anomaly),
        quoted=_quoted(anomaly),
        canary=anomaly.canary,
        document=repr(anomaly.canary),
        what=_quoted(anomaly) if anomaly.canary else f"message {anomaly.evidence[:60]!r}",
        when=_when(source, turn),
        entered=_entered(anomaly, turn, seen),
        place=f"the prompt for {_turn(turn)}"
        if anomaly.surface == "prompt" and turn
        else f"{_whose(anomaly)} stored history",
        part="question" if question else "answer",
        missing="answer" if question else "question",
        words=f": {anomaly.evidence[:60]!r}" if anomaly.evidence else "",
        evidence=anomaly.evidence,
    )
    return told[0].upper() + told[1:]


def _variant(anomaly: Anomaly, turn: Turn | None, source: Turn | None) -> str:
    """Which of its kind's sentences tells it."""
    if anomaly.kind in (CORRUPT.kind, FOREIGN_WRITE.kind):
        return "unsent" if turn is None else ""
    if anomaly.kind == REORDERED.kind and turn is source and anomaly.surface == "history":
        return "behind"
    if anomaly.kind in (FOREIGN_READ.kind, SWAPPED_ANSWER.kind) and anomaly.canary is None:
        return "message"
    return anomaly.surface


BY_DESIGN = "keeps no memory, by design"
"""What is said of a service that is to remember nothing. What it has lost is no fault of it."""


def why(verdict: Verdict, reason: str, seen: Observed) -> str:
    """The verdict as one sentence: people and turns first, then what was found how often."""
    users, turns = seen.users, len(seen.turns)
    if verdict == "unknown":
        return f"Nothing can be said: {reason}.{_aside(seen)}"
    if verdict == "isolated":
        box = "" if seen.white else " Seen from outside: what it did not show, it cannot rule out."
        return (
            f"{users} users stayed apart in {seen.answered} answered turns: nobody saw another's data{_kept(seen)}. "
            f"The leak rate is at most {bound(seen.chances):.2%} (95 %).{box}{_aside(seen)}"
        )
    counts = seen.findings.counts
    worst = sorted(counts, key=lambda kind: (_RANK.get(kind, 99), -counts[kind]))
    leaked, wrong = seen.findings.reach(LEAKS).users, seen.findings.reach(counts)
    if leaked:
        told = shown_to(len(seen.findings.shown), leaked, users)
        said = f"{told}{f', in {n:,} of {turns:,} turns' if (n := len(seen.findings.leaking)) else ''}. "
    else:
        met = f"Something went wrong for {wrong.of(users, turns)}"
        said = f"{met if wrong.users else f'In {turns} turns of {users} users'}: "
    listed = ", ".join(f"{counts[kind]:,} × {kind}" for kind in worst[:4])
    others = len(worst) - 4
    more = f" and {others} more kind{'s' if others > 1 else ''}" if others > 0 else ""
    return f"{said}{listed}{more}.{_aside(seen)}"


def shown_to(shown: int, reached: int, users: int) -> str:
    """The headline, in people, without a full stop. shown: users whose answers held somebody else's data. reached:
    those to whom it came at all, as in a prompt or a stored history."""
    most = max(users, shown, reached)
    others = f"it reached {_of(reached, most)}" if reached > shown else ""
    if not shown:
        return f"Nobody was shown somebody else's data{f', but {others} unseen' if others else ''}"
    verb = "was" if shown == 1 else "were"
    return f"{_of(shown, most, 'All')} {verb} shown somebody else's data{f'; {others}' if others else ''}"


def _of(some: int, users: int, every: str = "all") -> str:
    return f"{every} {users:,} users" if 1 < some == users else f"{some:,} of {users:,} users"


def _aside(seen: Observed) -> str:
    """What is no mix-up, and still worth knowing: facts that were not recalled, and what may be a leak."""
    found, told = seen.findings, ""
    if found.chances and found.recalled < found.chances:
        told += f" Own facts were recalled in {found.recalled / found.chances:.0%} of {found.chances} chances."
    if count := len(found.only_suspected()):
        told += f" Suspected, not certain: {count} {'mention' if count == 1 else 'mentions'} of somebody else's data."
    if count := without_effect(seen):
        told += f" Deletes by others were answered with success {count} times, and nothing was gone."
    if not seen.keeps:
        told += f" It {BY_DESIGN}, and is judged by whether users stay apart."
    return told


def _kept(seen: Observed) -> str:
    """Half a sentence: that nothing was lost can be said only of sessions whose stored history was read."""
    if not seen.keeps:
        return ""
    answered = [session for session, turns in seen.sessions.items() if any(turn.end == "ok" for turn in turns)]
    read = sum(session in seen.stored for session in answered)
    if read == len(answered):
        return " and nothing was lost"
    if read:
        return f", and nothing was lost in the {read} of {len(answered)} sessions whose stored history was read"
    return "; stored histories were not read, so nothing is known about losses"


def cause(anomalies: Iterable[Anomaly], seen: Observed) -> Cause | None:
    """Whether a leak was there before any two turns overlapped. None without a leak.

    That one needs no preemption, so it is a scope bug. Of any other the log does not say what would have happened
    without the overlap: it may have left a canary where a later turn finds it, or a connection one reply off.
    """
    leaks = [anomaly for anomaly in anomalies if anomaly.kind in LEAKS]
    if not leaks:
        return None
    alone = _one_at_a_time_until(seen)
    return "scope bug" if any(_shown(leak, seen) <= alone for leak in leaks) else "cannot tell"


def _one_at_a_time_until(seen: Observed) -> float:
    """When a turn was first sent while another was under way, or might have been: nobody knows when one that was given
    up has come to its end."""
    until = float("-inf")
    for turn in sorted(seen.turns.values(), key=lambda turn: (turn.sent, turn.ended)):
        if turn.sent < until:
            return turn.sent
        until = turn.ended if turn.end in ("ok", "fail") else float("inf")
    return float("inf")


def _shown(leak: Anomaly, seen: Observed) -> float:
    """The time by which it had happened."""
    turn = seen.turns.get(leak.op) if leak.op is not None and leak.surface != "history" else None
    if turn is None:
        return leak.t
    return turn.ended if turn.end in ("ok", "fail") else float("inf")


_RANK = {kind: rank for rank, kind in enumerate(kind for kind in DEFINITIONS if kind in LEAKS)}


def _turn(turn: Turn) -> str:
    return f"{turn.user}'s turn {turn.number}"


def _whose(anomaly: Anomaly) -> str:
    return f"{anomaly.user}'s" if anomaly.user else f"Session {anomaly.session}'s"


def _quoted(anomaly: Anomaly) -> str:
    return f"“{anomaly.canary}”"


def _when(source: Turn | None, turn: Turn | None) -> str:
    if source is None or turn is None:
        return ""
    return f" in turn {source.number}, {_ago((turn.ended or turn.sent) - source.sent)} earlier"


def _entered(anomaly: Anomaly, turn: Turn | None, seen: Observed) -> str:
    if anomaly.kind != FOREIGN_READ.kind or anomaly.surface != "answer":
        return ""
    if turn is None or turn.prompt is None:
        return "how it got there cannot be seen from outside"
    if seen.has_leaked(turn, "prompt", anomaly.canary or ""):
        return "it entered through the prompt"
    return "it was not in the prompt, so it came in behind the model"


def _ago(seconds: float) -> str:
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
