"""What happened to whom, and why, in the few words that a page has room for. Counts are in the tables below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rag.crosstalk.checker.anomalies import DEFINITIONS, Group, in_group
from rag.crosstalk.checker.findings import Report
from rag.crosstalk.checker.sentences import shown_to

CAUSE = {
    "scope bug": "No race is needed: it happens with users strictly one after the other.",
    "race": "It takes a race: one turn has to interrupt another.",
}
_HAPPENED: Mapping[Group, str] = {
    "lost": "lost turns that had been answered",
    "torn": "have half a turn stored, or two turns mixed up",
    "stale": "were answered without what their own other tab had said",
    "forgotten": "were not remembered",
    "odd": "have something stored that should not be there",
}


def headline(report: Report) -> str:
    """One or two sentences: people first."""
    if report.verdict == "unknown":
        return report.why
    told = f"{shown_to(report.shown, report.leaked.users, report.users)}."
    if report.leaked.users:
        return told
    if report.verdict == "isolated":
        return f"{told} {report.users:,} users stayed apart."
    return " ".join([told, *_happened(report)])


def why(report: Report, lesson: str = "") -> str:
    """What the memory does, and whether it takes a race. lesson: of the memory, in a sentence; empty: not known."""
    cause = CAUSE.get(report.cause or "", "")
    return " ".join(filter(None, [lesson, cause])) if report.verdict == "anomalies" else ""


def _happened(report: Report) -> Iterable[str]:
    """Of what is no leak, a sentence for each group, the most met first."""
    found: dict[Group, int] = {}
    for group in _HAPPENED:
        met = [report.reached[kind].users for kind in in_group(group) & report.reached.keys()]
        found[group] = max(met, default=0)
    for group, users in sorted(found.items(), key=lambda one: -one[1]):
        if users:
            yield f"{users:,} of {report.users:,} users {_HAPPENED[group]}."


TERMS = {
    "user": "One simulated person, with a session of their own.",
    "turn": "One question and its answer.",
    "memory": "What holds the history of each session between turns. Commands call it a strategy.",
    "canary": "A string that only one person states, so that seeing it elsewhere proves whose data it is.",
    "shown": "Somebody else's canary stood in this person's answer: they could read it.",
    "reached": "Somebody else's data stood in an answer, in the prompt for it, or in the stored history.",
    "scope bug": "Something is shared that must not be. It leaks with users strictly one after the other.",
    "race": "It goes wrong only when one turn interrupts another.",
    "isolated": "Nobody's data reached anybody else in this run: a measurement with a bound, not a proof.",
    "in flight": "Turns that are being answered at this moment.",
    **{one.kind: f"{one.text} ({one.term})" for one in DEFINITIONS.values()},
}
"""The words of the simulator, the race lab and their tables. One name for one thing."""
