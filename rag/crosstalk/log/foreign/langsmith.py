"""LangSmith: runs, one a line, in a list, or under `runs` or `data`. https://docs.langchain.com/langsmith/run-data-format

The topmost run of a trace is a turn; what its model was given is in its runs of type `llm`. `session_id` of a run is
its project: the conversation is in its metadata. https://docs.langchain.com/langsmith/threads
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rag.crosstalk.log.events import Message
from rag.crosstalk.log.foreign import chat
from rag.crosstalk.log.foreign.exchange import Exchange, Record, first, label, mapping, named, person, seconds

NAME = "LangSmith export"
THREAD = ("session_id", "thread_id", "conversation_id")
USER = ("user_id", "userId", "user", "langgraph_auth_user_id")
MOST_NESTED = 20


class LangSmith:
    name = NAME

    def knows(self, record: Record) -> bool:
        if isinstance(runs := record.get("runs"), list):
            return any(map(_is_run, runs[:20]))
        return _is_run(record)

    def exchanges(self, records: Iterable[Record]) -> Iterator[Exchange | None]:
        traces: dict[str, list[Record]] = {}
        for record in records:
            for run in _spread(record, 0):
                traces.setdefault(label(first(run, "trace_id", "id", "run_id")) or "", []).append(run)
        for runs in traces.values():
            yield from _turns(runs)


def _is_run(record: object) -> bool:
    return isinstance(record, dict) and isinstance(record.get("run_type"), str) and "start_time" in record


def _spread(record: Record, depth: int) -> Iterator[Record]:
    if depth > MOST_NESTED:
        return
    if _is_run(record):
        yield record
    of = label(first(record, "trace_id", "id", "run_id"))
    for key in ("runs", "child_runs"):
        for nested in record[key] if isinstance(record.get(key), list) else ():
            if isinstance(nested, dict):
                known = key == "runs" or nested.get("trace_id") is not None
                yield from _spread(nested if known else {**nested, "trace_id": of}, depth + 1)


def _turns(runs: list[Record]) -> Iterator[Exchange | None]:
    """One trace: a turn for each of its topmost runs. What is below them belongs to the one that began last before."""
    ids = {_id(run) for run in runs}
    turns: list[tuple[Record, list[Record]]] = []
    for run in sorted(runs, key=lambda run: seconds(run.get("start_time")) or 0.0):
        if label(run.get("parent_run_id")) not in ids:
            turns.append((run, []))
        elif turns:
            turns[-1][1].append(run)
    for top, under in turns:
        yield _exchange(top, under)


def _id(run: Record) -> str | None:
    return label(first(run, "id", "run_id"))


def _exchange(top: Record, runs: list[Record]) -> Exchange | None:
    t = seconds(top.get("start_time"))
    text = chat.question(top.get("inputs"))
    if t is None or text is None:
        return None
    metadata = [_metadata(run) for run in (top, *runs)]
    models = [run for run in (top, *runs) if run.get("run_type") == "llm"]
    told = [top, *reversed(models)]
    return Exchange(
        label(*(first(one, *THREAD) for one in metadata), top.get("thread_id")),
        person(*(first(one, *USER) for one in metadata)),
        t,
        max(t, seconds(top.get("end_time")) or t),
        text,
        next((answer for run in told if (answer := chat.answer(run.get("outputs"))) is not None), None),
        _error(top),
        _prompt([top, *(run for run in models if run is not top)], text),
        next((found for one in metadata if (found := named(one, "plants"))), ()),
        next((found for one in metadata if (found := named(one, "expects"))), ()),
    )


def _metadata(run: Record) -> Record:
    extra = mapping(chat.opened(run.get("extra")))
    return {**mapping(run.get("metadata")), **mapping(run.get("custom_metadata")), **mapping(extra.get("metadata"))}


def _error(run: Record) -> str:
    error = run.get("error")
    return error[:200] if isinstance(error, str) else ""


def _prompt(runs: Iterable[Record], text: str) -> tuple[Message, ...] | None:
    found: dict[Message, None] = {}
    for run in runs:
        given: Any = run.get("inputs")
        said = chat.messages(given)
        if not said and run.get("run_type") == "llm" and (asked := chat.question(given)):
            said = (Message("user" if asked == text else "system", asked),)
        found.update(dict.fromkeys(said))
    return tuple(found) or None
