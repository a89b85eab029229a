"""A report as a file: JSON, JUnit XML, or one HTML page that needs nothing else.

Whatever a user or a model wrote is text in it: no markup, no script, nothing invisible. The page loads nothing.
"""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from rag.colours import colour
from rag.crosstalk.checker.anomalies import DEFINITIONS, Definition
from rag.crosstalk.checker.canaries import places
from rag.crosstalk.checker.findings import Anomaly, Report
from rag.crosstalk.log.events import Event
from rag.crosstalk.report import known
from rag.crosstalk.report.story import Step, story

SHOWN = 25
"""Anomalies of a kind on the page, and lines of evidence in a JUnit failure; the JSON has all that were kept."""
ACROSS = 40
"""Users in the matrix: those with most to do with each other."""
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_PLAIN = re.compile(r"\A[\x20-\x7e\n\t]*\Z")
_PARTS = re.compile(r"[\W_]+")


def as_json(report: Report) -> str:
    """The keys are those of the format, and more."""
    return json.dumps(report.to_dict(), ensure_ascii=True, indent=2)


def as_junit(report: Report, name: str, notes: Sequence[str] = ()) -> bytes:
    """A test case for each kind of anomaly, and one for the verdict itself. name: of the log or the strategy. notes: of
    how it was asked."""
    suite = TestSuite(f"crosswire: {visible(name)}")
    suite.add_testcase(_verdict_case(report, notes))
    for definition in DEFINITIONS.values():
        suite.add_testcase(_case(report, definition))
    xml = JUnitXml("crosswire")
    xml.add_testsuite(suite)
    written = io.BytesIO()
    xml.write(written)
    return written.getvalue()


def as_html(
    report: Report,
    name: str,
    example: Sequence[Event] = (),
    anomaly: Anomaly | None = None,
    notes: Sequence[str] = (),
) -> str:
    """example: the events of the smallest counterexample of this anomaly, drawn step by step. notes: of how it was
    asked."""
    from jinja2 import Environment, FileSystemLoader  # here: the application starts without it

    pages = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    pages.filters.update(visible=visible, marked=marked, colour=colour, number=lambda value: f"{value:,}")
    return pages.get_template("report.html.j2").render(
        report=report,
        name=name,
        matrix=matrix(report.seen),
        groups=list(_groups(report)),
        clean=[definition for kind, definition in DEFINITIONS.items() if not report.counts.get(kind)],
        blind=report.box == "black",
        anomaly=anomaly,
        people=_people(example),
        steps=story(example, anomaly),
        notes=notes,
        known=known,
        suspected=report.suspected[:SHOWN],
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """Who (row) was shown whose data (column), how often. left_out: users that are in no row and no column."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: dict[tuple[str, str], int]
    left_out: int


def matrix(seen: Iterable[tuple[str, str, int]]) -> Matrix:
    """Of the users with the most leaks, in alphabetical order."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    counts = {}
    for user, owner, count in seen:
        rows[user] += count
        columns[owner] += count
        counts[user, owner] = count
    shown_rows, shown_columns = (sorted(name for name, _ in who.most_common(ACROSS)) for who in (rows, columns))
    left_out = len((rows.keys() | columns.keys()) - set(shown_rows) - set(shown_columns))
    return Matrix(tuple(shown_rows), tuple(shown_columns), counts, left_out)


def visible(text: object) -> str:
    """Control characters and whatever else is not seen as itself become escapes like `\\u202e`."""
    plain = str(text)
    if _PLAIN.match(plain):
        return plain
    return "".join(
        one if one in "\n\t" or unicodedata.category(one) not in _HIDDEN else f"\\u{ord(one):04x}" for one in plain
    )


def marked(text: str, canary: str | None) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is the canary, in whatever case and with whatever separators."""
    letters = _PARTS.sub("", canary or "")
    if not letters:
        return [(text, False)]
    pieces, end = [], 0
    for start, stop in places(text, letters):
        pieces += [(text[end:start], False), (text[start:stop], True)]
        end = stop
    return [piece for piece in [*pieces, (text[end:], False)] if piece[0]]


@dataclass(frozen=True, slots=True)
class _Group:
    definition: Definition
    count: int
    shown: tuple[Anomaly, ...]


def _groups(report: Report) -> Iterable[_Group]:
    """The kinds that were found, the gravest first."""
    for kind, definition in DEFINITIONS.items():
        if count := report.counts.get(kind, 0):
            yield _Group(definition, count, _of(report, kind))


def _of(report: Report, kind: str) -> tuple[Anomaly, ...]:
    return tuple([one for one in report.anomalies if one.kind == kind][:SHOWN])


def _people(example: Sequence[Event]) -> list[str]:
    return list(dict.fromkeys(step.user for step in story(example, None)))


def _verdict_case(report: Report, notes: Sequence[str]) -> TestCase:
    case = TestCase("verdict", "crosswire")
    case.system_out = visible("\n".join(_told(report, notes)))
    if report.verdict == "unknown":
        case.result = [Error(visible(report.why), "unknown")]
    return case


def _told(report: Report, notes: Sequence[str]) -> Iterator[str]:
    """All that is known, a line each."""
    yield f"{report.why} {report.about_cause}".strip()
    if told := known.recalled_beside(report):
        yield told
    for title, *cells in known.shapes(report):
        numbers = ", ".join(f"{cell} {head}" for cell, head in zip(cells[:-1], known.HEADS[1:-1], strict=True))
        yield f"{known.ASKED}: {title}: {numbers}, leak rate {cells[-1]}"
    for one in report.suspected[:SHOWN]:
        yield f"{known.SUSPECTED}: {one.explanation} [{one.surface}] {one.evidence}"
    yield from notes


def _case(report: Report, definition: Definition) -> TestCase:
    case = TestCase(definition.kind, f"crosswire.{definition.severity}")
    count = report.counts.get(definition.kind, 0)
    if count:
        found = _of(report, definition.kind)
        told = f"{known.met(report, definition.kind)} {definition.kind}: {definition.text} To do: {definition.remedy}"
        failure = Failure(told, definition.kind)
        failure.text = "\n".join(visible(f"{one.explanation} [{one.surface}] {one.evidence}") for one in found)
        case.result = [failure]
    elif report.box == "black" and not definition.black_box:
        case.result = [Skipped("Questions and answers alone cannot show it: log prompts and histories as well.")]
    return case


__all__ = ["Matrix", "Step", "as_html", "as_json", "as_junit", "marked", "matrix", "visible"]
