"""Forensics: every session is read once, and what is wrong with it, or the same as in another one, is reported.

Memory stays bounded whatever is scanned: one step of sessions, the first findings of each kind (all are counted), and
what `cross_session` keeps in a temporary file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from rag.inspector.forensics import session_checks
from rag.inspector.forensics.canary import Canary, Watch
from rag.inspector.forensics.cross_session import LONG, CrossSession
from rag.inspector.forensics.findings import COULD, KINDS, Finding, Kind
from rag.inspector.layouts.base import BATCH, Histories, Seen, Stored
from rag.inspector.layouts.crosswire import Own
from rag.inspector.layouts.together import Together
from rag.inspector.pace import Pace, Progress, Stopped
from rag.sessions.ids import SessionId

KEPT = 1000
"""Findings of a kind that are listed."""
WHOLE = 20_000
"""Messages of a session that are judged together; a longer one is judged in parts."""

COPIES = "import-"
"""Sessions that the inspector imported: the same as another one on purpose."""
FLEETING = ("half-expired", "unlisted")
"""What a session may seem to be that ends or begins between two commands, so it has to be so at second sight, too."""


@dataclass(slots=True)
class Report:
    """complete: False if the scan was stopped; then nothing can be said about what it did not read.

    layouts: of each that was read, how many sessions. seen: what else the walk looked at. endless: sessions of others
    that never expire, which is usual there and no trouble. whole: every key was looked at, not one layout's only.
    certain, suspected: findings that are trouble, and those that may be none.
    """

    sessions: int = 0
    messages: int = 0
    bytes: int = 0
    sealed: int = 0
    seconds: float = 0.0
    complete: bool = False
    counts: Counter[Kind] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    canaries: list[Canary] = field(default_factory=list)
    layouts: Counter[str] = field(default_factory=Counter)
    seen: Seen = field(default_factory=Seen)
    endless: int = 0
    whole: bool = False
    certain: int = 0
    suspected: int = 0
    load: str = ""

    def add(self, found: Iterable[Finding]) -> None:
        for one in found:
            self.counts[one.kind] += 1
            if one.kind not in COULD:
                self.certain += one.certain
                self.suspected += not one.certain
            if self.counts[one.kind] <= KEPT:
                self.findings.append(one)

    @property
    def verdict(self) -> str:
        """clean, trouble, or unknown: nothing was read, or not all of it, or not all that could be histories."""
        if self.certain:
            return "trouble"
        whole = self.complete and not self.sealed and not self.seen.doubtful and not self.suspected
        return "clean" if whole and self.sessions else "unknown"

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            **{one.name: getattr(self, one.name) for one in fields(self) if one.name != "seen"},
            "layouts": dict(self.layouts),
            "keys": self.seen.keys,
            "not_recognised": {
                kind: {"keys": count, "some": self.seen.names.get(kind, [])}
                for kind, count in self.seen.nothing.items()
            },
            "not_read": {"keys": self.seen.doubtful, "some": [asdict(one) for one in self.seen.unread]},
            "seconds": round(self.seconds, 3),
            "counts": dict(self.counts),
            "findings": [{**asdict(one), "severity": one.severity} for one in self.findings],
            "canaries": [asdict(one) for one in self.canaries],
        }


def scan(
    histories: Histories,
    *,
    canaries: tuple[str, ...] = (),
    long: int = LONG,
    pace: Pace | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """long: characters from which on a text should be in one session only. `pace.stop` ends it early."""
    pace = pace or Pace()
    watch = Watch(canaries)
    report = Report(canaries=watch.canaries)
    total = histories.total()
    keys = 0
    if isinstance(histories, Together):
        histories.spots, report.whole = watch.spots, True
    with closing(CrossSession(long)) as cross_session:
        reader = _Reader(histories, cross_session, watch, report)
        try:
            for seen, ids in histories.ids(pace):
                keys += seen
                new = [(sid, number) for sid in ids if (number := cross_session.new(sid)) is not None]
                for start in range(0, len(new) or 1, BATCH):
                    reader.read(dict(new[start : start + BATCH]), pace)
                    if progress is not None:
                        found = report.counts.total()
                        progress(Progress(report.sessions, report.messages, keys, total, found))
            report.complete = True
        except Stopped:
            pass
        report.add(cross_session.findings())
    report.add(watch.findings())
    report.seen = histories.seen
    order = list(KINDS)
    report.findings.sort(key=lambda one: order.index(one.kind))
    report.seconds, report.load = pace.seconds, str(pace)
    return report


class _Reader:
    def __init__(self, histories: Histories, cross_session: CrossSession, watch: Watch, report: Report) -> None:
        self._histories = histories
        self._cross_session = cross_session
        self._watch = watch
        self._report = report

    def read(self, new: dict[str, int], pace: Pace) -> None:
        for stored in self._histories.read(list(new), pace) if new else ():
            suspect = list(self._facts(stored))
            if any(one.kind in FLEETING for one in suspect):
                again = [one for other in self._histories.read([stored.id], pace) for one in self._facts(other)]
                suspect = [one for one in suspect if one in again]
            self._report.add(suspect)
            # The same id in two layouts is one person's, whose data may be in both.
            owner = stored.owner or stored.id
            number = new[stored.id] if owner == stored.id else self._cross_session.number(owner)
            self._cross_session.session(number, owner)
            self._messages(stored, number, owner)
            self._report.sessions += 1
            self._report.layouts[self._reader_of(stored).layout.name] += 1
            pace.check()

    def _reader_of(self, stored: Stored) -> Histories:
        return stored.reader or self._histories

    def _facts(self, stored: Stored) -> Iterable[Finding]:
        histories = self._reader_of(stored)
        if not isinstance(histories, Own):
            self._report.endless += any(left == -1 for left in stored.left.values())
            return session_checks.facts(stored, "", "", indexed=False)
        keys = histories.keys.of(SessionId(stored.owner or stored.id))
        return session_checks.facts(stored, keys.history, keys.session, indexed=True)

    def _messages(self, stored: Stored, session: int, owner: str) -> None:
        part: list[Any] = []
        first, question, report = 0, "", self._report
        copied, ours = stored.id.startswith(COPIES), self._reader_of(stored).layout.ours
        for number, raw in enumerate(stored.elements):
            said = self._histories.parse(raw, stored.id)
            report.messages += 1
            report.bytes += len(raw)
            report.sealed += said.problem == "sealed"
            self._watch.see(owner, number, said)
            if not copied:
                self._cross_session.message(session, number, said, question, ours=ours)
            if said.problem != "foreign":
                self._cross_session.names(session, number, raw, owner)
            if said.role == "user":
                question = said.text
            part.append(said)
            if len(part) >= WHOLE and said.role == "assistant":
                report.add(self._judged(stored, part, first))
                first, part = number + 1, []
        report.add(self._judged(stored, part, first))

    def _judged(self, stored: Stored, part: list[Any], first: int) -> Iterable[Finding]:
        layout = self._reader_of(stored).layout
        found = session_checks.messages(
            stored, part, turns=layout.ours, partial=layout.partial and first == 0, alternates=layout.alternates
        )
        return (_moved(one, first) for one in found) if first else found


def _moved(found: Finding, first: int) -> Finding:
    places = tuple(place + first for place in found.places)
    return replace(found, places=places, explanation=f"From message {first} on: {found.explanation}")
