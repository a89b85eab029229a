"""The turns of the app's own sessions: what is stored of each, and its trace, where there is one.

A trace names the session's own messages and the library's passages. They are looked up here, and shown as what was sent
only if their digests say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from rag.chat.prompt import RULES, Source
from rag.chat.service import sources_of
from rag.chat.trace import FoundPassage, OwnMessages, Trace, digest, read, same_rules
from rag.errors import SealBroken
from rag.inspector.turns.model import EVERYBODY, Part, Retrieved, State, Texts, Turn
from rag.inspector.turns.paired import paired
from rag.inspector.views.session import Element
from rag.sessions import SessionStore
from rag.sessions.messages.codec import Unreadable, decode


def own_turns(store: SessionStore, session_id: str, elements: Sequence[Element], texts: Texts) -> list[Turn]:
    """Oldest first. Reads, and heals nothing: what should not be there stays in its turn."""
    turns = paired(elements)
    traces = {
        trace.turn: trace
        for trace in map(read, store.traces(session_id))
        if trace is not None and trace.session == session_id
    }
    if not traces:
        return turns
    mine = [element for element in elements if not element.said.problem]
    known = [turn for turn in turns if turn.number in traces]
    stored = {turn.number: _sources(store, session_id, turn) for turn in known}
    asked = {one.passage_id for turn in known for one in traces[turn.number].found}
    now = dict(texts(sorted(asked))) if asked else {}
    return [
        _with_trace(turn, traces[turn.number], mine, stored[turn.number], now) if turn.number in traces else turn
        for turn in turns
    ]


def _with_trace(
    turn: Turn, trace: Trace, mine: Sequence[Element], stored: Mapping[str, Source], now: Mapping[str, str]
) -> Turn:
    found = tuple(_retrieved(one, trace.session, stored, now) for one in trace.found)
    return replace(
        turn,
        model=trace.model,
        searched=trace.searched,
        found=found,
        prompt=tuple(_prompt(turn, trace, found, mine)),
        milliseconds=trace.milliseconds,
    )


def _sources(store: SessionStore, session_id: str, turn: Turn) -> dict[str, Source]:
    """What was stored with the answer, by passage: its texts are what the model saw."""
    found: dict[str, Source] = {}
    for element in turn.said:
        if element.said.role == "assistant" and not element.said.problem:
            with suppress(Unreadable, SealBroken):
                message = decode(element.raw, session_id, store.protocol.seal).message
                found |= {source.passage_id: source for source in sources_of(message)}
    return found


def _retrieved(one: FoundPassage, session_id: str, stored: Mapping[str, Source], now: Mapping[str, str]) -> Retrieved:
    kept = stored.get(one.passage_id)
    candidates = [kept.text] if kept else []
    candidates += [now[one.passage_id]] if one.passage_id in now else []
    text = next((text for text in candidates if digest(text) == one.digest), None)
    state: State = "as sent" if text is not None else "changed" if candidates else "gone"
    shown = text if text is not None else candidates[0] if candidates else ""
    label, owner = one.with_text("").label, session_id if one.private else EVERYBODY
    return Retrieved(one.number, label, shown, owner, one.score, kept is not None, state)


def _prompt(turn: Turn, trace: Trace, found: Iterable[Retrieved], mine: Sequence[Element]) -> Iterator[Part]:
    rules: State = "as sent" if same_rules(trace) else "changed"
    yield Part("rules", "system", RULES, EVERYBODY, "Rules", state=rules)
    if trace.summary:
        yield Part("summary", "system", trace.summary, trace.session, "Summary of older turns")
    for one in found:
        yield Part("source", "system", one.text, one.owner, f"[{one.number}] {one.label}", state=one.state)
    for run in trace.history:
        if isinstance(run, OwnMessages):
            yield from _own(run, trace.session, mine)
        else:
            role = {"human": "user", "ai": "assistant"}.get(run.role, run.role)
            yield Part("unknown", role, run.text, None, state="as sent" if len(run.text) == run.length else "cut")
    for element in turn.questions:
        yield Part("question", "user", element.said.text, trace.session, "Question", turn.number)


def _own(run: OwnMessages, session_id: str, mine: Sequence[Element]) -> Iterator[Part]:
    """The run begins somewhere in its first turn, as a rule at its start."""
    there = [element for element in mine if run.first <= element.said.turn <= run.last]
    starts = range(max(1, len(there) - run.count + 1))
    parts = (list(islice(there, start, start + run.count)) for start in starts)
    sent = next((part for part in parts if digest(*(one.said.text for one in part)) == run.digest), None)
    state: State = "as sent" if sent else "changed" if there else "gone"
    for element in sent or there[: run.count]:
        said = element.said
        yield Part("history", said.role, said.text, session_id, f"Turn {said.turn}", said.turn, state)
    if missing := run.count - len(sent or there[: run.count]):
        yield Part("history", "", "", session_id, f"{missing} earlier messages", run.first, "gone")
