"""What happened, in words: a sentence for each anomaly and one for the whole. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from rag.crosstalk.checker.findings import Anomaly, Verdict
from rag.crosstalk.checker.observed import Observed, Turn

Cause = Literal["scope bug", "race", "cannot tell"]
CAUSES: dict[Cause, str] = {
    "scope bug": "A scope bug: it leaked with users strictly one after the other, so something is shared that must not "
    "be.",
    "race": "A race: it leaks only where a turn is interrupted by another one, never with users one after the other.",
    "cannot tell": "A scope bug or a race? This log cannot tell: turns overlapped, or were given up, before the first "
    "leak was over. Run it with one turn at a time (simulate --in-flight 1): what leaks then is a scope bug. Of a "
    "strategy, explore tells which.",
}
LEAKS = ("foreign-read", "swapped-answer", "retrieval-leak", "foreign-write", "key-collision")


def explained(anomaly: Anomaly, seen: Observed) -> str:
    """One sentence: who, whose, when and through what."""
    turn = seen.turns.get(anomaly.op) if anomaly.op is not None else None
    source = seen.turns.get(anomaly.owner_op) if anomaly.owner_op is not None else None
    owner = anomaly.owner or "somebody"
    match anomaly.kind:
        case "foreign-read" if turn is not None:
            verb = "was answered with" if anomaly.surface == "answer" else "put before the model"
            return (
                f"{_turn(turn)} {verb} {owner}'s {_quoted(anomaly)}: {_stated(owner, source, turn)}; "
                f"{_entered(anomaly, turn, seen)}."
            )
        case "swapped-answer" if turn is not None and source is not None:
            return (
                f"{_turn(turn)} was given the answer to {_turn(source)}, which was under way at the same time: "
                f"it tells {owner}'s {_quoted(anomaly)} and nothing that {turn.user} had asked for."
            )
        case "retrieval-leak" if turn is not None:
            return f"{_turn(turn)} was given the document {anomaly.canary!r}, which belongs to {owner} alone."
        case "foreign-write":
            what = _quoted(anomaly) if anomaly.canary else f"message {anomaly.evidence[:60]!r}"
            where = f" with {_turn(turn)}" if turn is not None else ""
            return f"{_whose(anomaly)} stored history holds {owner}'s {what}; it was stored{where}."
        case "key-collision":
            return f"{_whose(anomaly)} session and {owner}'s are stored as one and the same list: {anomaly.evidence}."
    return _structure(anomaly, turn, source)


def why(verdict: Verdict, reason: str, seen: Observed, anomalies: Sequence[Anomaly]) -> str:
    """The verdict as one sentence."""
    users, turns = seen.users, len(seen.turns)
    if verdict == "unknown":
        return f"Nothing can be said: {reason}."
    if verdict == "isolated":
        box = "" if seen.white else " Seen from outside: what it did not show, it cannot rule out."
        return (
            f"{users} users stayed apart in {turns} turns: nobody saw another's data{_kept(seen)}. "
            f"The leak rate is at most {min(1.0, 3 / seen.answered):.2%} (95 %).{box}"
        )
    counts = seen.findings.counts
    worst = sorted(counts, key=lambda kind: (_RANK.get(kind, 99), -counts[kind]))
    leaked = {anomaly.user for anomaly in anomalies if anomaly.kind in LEAKS and anomaly.user}
    leaked |= {user for user, _ in seen.findings.seen}
    saw = f"{len(leaked)} of {users} users got somebody else's data. " if leaked else ""
    listed = ", ".join(f"{counts[kind]:,} × {kind}" for kind in worst[:4])
    others = len(worst) - 4
    more = f" and {others} more kind{'s' if others > 1 else ''}" if others > 0 else ""
    return f"{saw}In {turns} turns of {users} users: {listed}{more}."


def _kept(seen: Observed) -> str:
    """Half a sentence: that nothing was lost can be said only of sessions whose stored history was read."""
    answered = [session for session, turns in seen.sessions.items() if any(turn.end == "ok" for turn in turns)]
    read = sum(session in seen.stored for session in answered)
    if read == len(answered):
        return " and nothing was lost"
    if read:
        return f", and nothing was lost in the {read} of {len(answered)} sessions whose stored history was read"
    return "; what is stored was not read, so nothing is said of what was lost"


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


_RANK = {kind: rank for rank, kind in enumerate(LEAKS)}


def _structure(anomaly: Anomaly, turn: Turn | None, source: Turn | None) -> str:
    about = _turn(turn) if turn is not None else f"A turn of {anomaly.session or 'a session'}"
    other = _turn(source) if source is not None else "another turn"
    part = "question" if anomaly.evidence.startswith("question") else "answer"
    missing = "answer" if part == "question" else "question"
    words = f": {anomaly.evidence[:60]!r}" if anomaly.evidence else ""
    return {
        "lost-update": f"{about} was acknowledged and is gone: a turn that ran at the same time had read the same "
        "history and wrote over it.",
        "lost-append": f"{about} was acknowledged and is not stored, and no other turn explains it.",
        "resurrection": f"{other} was there again after its session had been cleared.",
        "aborted-read": f"{other} failed, and yet its words are in {_seen_in(anomaly, turn)}.",
        "mid-turn-read": f"{about} was asked with {other} half done: its question was there, its answer was not.",
        "torn-turn": f"{about} is stored by half: its {part} without its {missing}.",
        "interleaved-turns": f"{about} is stored with other messages between its question and its answer.",
        "reordered": f"{about} is out of order: it had ended before another turn was sent, and stands behind it."
        if anomaly.surface == "history" and turn is source
        else f"{about} and {other} were stored in one order when it was read, and later in the other."
        if anomaly.surface == "history"
        else f"{about} was asked with {other} in another order than it is stored.",
        "amnesia": f"{about} was answered without what its user had stated: {_quoted(anomaly)} is missing."
        if anomaly.surface == "answer"
        else f"{about} was asked without {other}, which had been acknowledged before.",
        "backward-read": f"{about} was asked without {other}, which an earlier prompt of this session had.",
        "stale-prompt": f"{about} ran beside another turn of its session; both are stored, and neither saw the other.",
        "duplicate": f"{about} is stored more than once: its {part}.",
        "corrupt": f"{_whose(anomaly)} stored history holds a message that nobody ever sent{words}."
        if turn is None
        else f"{about} is stored with words that nobody ever sent{words}.",
    }.get(anomaly.kind, anomaly.kind)


def _turn(turn: Turn) -> str:
    return f"{turn.user}'s turn {turn.number}"


def _whose(anomaly: Anomaly) -> str:
    return f"{anomaly.user}'s" if anomaly.user else f"Session {anomaly.session}'s"


def _quoted(anomaly: Anomaly) -> str:
    return f"“{anomaly.canary}”"


def _stated(owner: str, source: Turn | None, turn: Turn) -> str:
    if source is None:
        return f"{owner} stated it"
    gap = (turn.ended or turn.sent) - source.sent
    return f"{owner} stated it in turn {source.number}, {_ago(gap)} earlier"


def _entered(anomaly: Anomaly, turn: Turn, seen: Observed) -> str:
    if anomaly.surface == "prompt":
        return "it came with what the memory gave"
    if seen.has_leaked(turn, "prompt", anomaly.canary or ""):
        return "it entered through the prompt"
    if turn.prompt is not None:
        return "it was not in the prompt, so it came in behind the model"
    return "how it got there cannot be seen from outside"


def _seen_in(anomaly: Anomaly, turn: Turn | None) -> str:
    if anomaly.surface == "prompt" and turn is not None:
        return f"the prompt of {_turn(turn)}"
    return f"{_whose(anomaly)} stored history"


def _ago(seconds: float) -> str:
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"
