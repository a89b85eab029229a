"""Which kind of log a file is, and its events: for any kind that is known, over one contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import IO, Any

from rag.crosstalk.log.events import FORMAT, KINDS, Event, Info, Invoke, Message, Ok, Prompt
from rag.crosstalk.log.foreign.exchange import Exchange, Format
from rag.crosstalk.log.foreign.found import letters
from rag.crosstalk.log.foreign.langfuse import Langfuse
from rag.crosstalk.log.foreign.langsmith import LangSmith
from rag.crosstalk.log.foreign.otel import OpenTelemetry
from rag.crosstalk.log.foreign.own_texts import own_texts
from rag.crosstalk.log.foreign.people import people
from rag.crosstalk.log.foreign.records import Progress, UnreadableLog, values
from rag.crosstalk.log.foreign.sayings import Sayings

FORMATS: tuple[Format, ...] = (OpenTelemetry(), LangSmith(), Langfuse())
SHORTEST = 5
"""Letters and digits of a plant."""
LOOKED = 20
"""Records by which a kind is told."""
MOST_TURNS = 500_000
MOST_TEXT = 1 << 30
"""Characters of all texts, each counted once."""


@dataclass(frozen=True, slots=True)
class ForeignLog:
    """kind: as its makers call it. left_out: turns without a time, a question, or both a session and a user. unnamed:
    turns whose user the log does not name. planted: whether it declares plants."""

    kind: str
    events: tuple[Event, ...]
    turns: int
    left_out: int
    unnamed: int
    planted: bool


def is_operation_log(value: object) -> bool:
    """Whether this is the first event of an operation log."""
    if not isinstance(value, dict):
        return False
    named = value.get("event", value.get("type"))
    return "event" in value or (isinstance(named, str) and named in KINDS)


def read(
    file: IO[bytes], name: str, progress: Progress = lambda _: None, *, user_per_session: bool = False
) -> ForeignLog | None:
    """None: it is an operation log, or empty. Raises UnreadableLog."""
    records = _unwrapped(values(file, name, progress))
    begin = list(islice(records, 1))
    if not begin or is_operation_log(begin[0]):
        return None
    begin += islice(records, LOOKED)
    kind = next((kind for kind in FORMATS for one in begin if isinstance(one, dict) and kind.knows(one)), None)
    if kind is None:
        raise UnreadableLog(name, "it is JSON, but not a log of a known kind")
    exchanges = kind.exchanges(one for one in chain(begin, records) if isinstance(one, dict))
    turns, left_out = _bounded(exchanges, name)
    if not turns:
        raise UnreadableLog(
            name,
            f"it is a {kind.name}, but none of its {left_out} turns has a time, a question, and a session or a user",
            f"What each of them is called in it: {FORMAT}.",
        )
    return _log(name, kind.name, sorted(turns, key=lambda one: (one.t, one.t_end)), left_out, user_per_session)


def _unwrapped(values: Iterable[Any]) -> Iterator[Any]:
    """What an API answered, a page of records under `data`, gives its records."""
    for value in values:
        held = value.get("data") if isinstance(value, dict) and "event" not in value else None
        yield from held if isinstance(held, list) else (value,)


def _bounded(exchanges: Iterator[Exchange | None], name: str) -> tuple[list[Exchange], int]:
    turns: list[Exchange] = []
    left_out, size = 0, 0
    texts: dict[str, str] = {}

    def once(text: str) -> str:
        nonlocal size
        known = texts.setdefault(text, text)
        size += len(text) if known is text else 0
        return known

    for one in exchanges:
        if one is None or (one.session is None and one.user is None):
            left_out += 1
            continue
        prompt = one.prompt and tuple(Message(said.role, once(said.text)) for said in one.prompt)
        answer = None if one.answer is None else once(one.answer)
        turns.append(replace(one, text=once(one.text), answer=answer, prompt=prompt))
        if len(turns) > MOST_TURNS or size > MOST_TEXT:
            raise UnreadableLog(
                name, f"it has more than {MOST_TURNS:,} turns or {MOST_TEXT >> 20} MB of text: split it", ""
            )
    return turns, left_out


def _log(name: str, kind: str, turns: list[Exchange], left_out: int, user_per_session: bool) -> ForeignLog:
    whose = people(turns, user_per_session=user_per_session)
    sayings = Sayings(turns, whose)
    hints: dict[int, set[str]] = {}
    for op, text in own_texts(turns, whose):
        hints.setdefault(op, set()).add(text)
    timed: list[tuple[float, int, int, Event]] = []
    prompts = []
    for op, turn in enumerate(turns):
        if turn.prompt is not None:
            given, suspected = sayings.whose(op)
            prompts.append((op, Prompt(op, given)))
            for owner, text in suspected.items():
                hints.setdefault(owner, set()).add(text)
    timed += [(turns[op].t_end, 1, op, prompt) for op, prompt in prompts]
    plants = {letters(text.lower()): text for turn in turns for text in turn.plants}
    if short := [text for known, text in plants.items() if len(known) < SHORTEST]:
        raise UnreadableLog(
            name, f"it plants {short[0]!r}, which anybody may say: expected at least 64 random bits", ""
        )
    for op, (turn, one) in enumerate(zip(turns, whose, strict=True)):
        seen = tuple(sorted(text for text in hints.get(op, ()) if letters(text.lower()) not in plants))
        sent = Invoke(
            op, one.user, one.session, turn.t, turn.text, plants=turn.plants, expects=turn.expects, hints=seen
        )
        timed.append((turn.t, 0, op, sent))
        t_end = max(turn.t, turn.t_end)
        if turn.answer is not None:
            timed.append((t_end, 2, op, Ok(op, t_end, turn.answer)))
        elif turn.error:
            timed.append((t_end, 2, op, Info(op, t_end, turn.error)))
    events = tuple(event for *_, event in sorted(timed, key=lambda one: one[:3]))
    unnamed = sum(turn.user is None for turn in turns)
    return ForeignLog(kind, events, len(turns), left_out, unnamed, bool(plants))
