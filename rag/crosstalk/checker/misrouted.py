"""Answers that went astray behind the store: heard by somebody else than they were made for, and stored where they
belong. That is no fault of the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rag.crosstalk.checker.observed import ASSISTANT, USER, Observed, Stored, Turn, role_of


def astray(seen: Observed) -> dict[int, int]:
    """By op, another turn: the one whose answer it was given. Where the log does not say what its model made for it,
    that is made out and noted, as far as it is proven."""
    if all(turn.made is None for turn in seen.turns.values()):
        for op, made in _proven(seen).items():
            seen.completed(seen.turns[op], made)
    makers: dict[int, list[int]] = {}
    for turn in seen.turns.values():
        if turn.made is not None:
            makers.setdefault(turn.made, []).append(turn.op)
    found: dict[int, int] = {}
    for turn in seen.turns.values() if makers else ():
        if turn.made is not None and turn.answer is not None:
            # Of those who were told what was made for them, their text alone says it.
            ops = makers.get(turn.answer) or [op for op in seen.turns_of(turn.answer) if op != turn.op]
            if len(ops) == 1:
                found[turn.op] = ops[0]
    return found


def _proven(seen: Observed) -> dict[int, int]:
    """Of a log that says nothing of its model: what a turn heard tells what its prompt did not hold, and its history
    has something else, of its own, after its question. So have those with whom it exchanged answers."""
    left = [turn for turn in seen.turns.values() if _behind_the_model(turn)]
    if not left:
        return {}
    kept = dict(_kept(seen))
    makers: dict[int | None, list[int]] = {}
    for op, answer in kept.items():
        makers.setdefault(answer, []).append(op)
    found: dict[int, int] = {}
    while left:
        turn = left.pop()
        own = kept.get(turn.op)
        if own is not None and own != turn.answer and turn.op not in found:
            found[turn.op] = own
            left += [seen.turns[op] for op in (*makers.get(turn.answer, ()), *seen.turns_of(own))]
    return found


def _behind_the_model(turn: Turn) -> bool:
    """Whether its answer tells of somebody else what its prompt did not hold."""
    return turn.prompt is not None and not set(turn.leaked("answer")).issubset(turn.leaked("prompt"))


def _kept(seen: Observed) -> Iterator[tuple[int, int]]:
    """By op: the answer that stands behind its question in its own history, and tells nothing of anybody else's; in
    prompts, where no history was read. Questions that were asked twice are not told apart."""
    for session, turns in seen.sessions.items():
        asked = Counter(turn.question for turn in turns)
        by_question = {turn.question: turn.op for turn in turns if asked[turn.question] == 1}
        found: dict[int, int] = {}
        stored = seen.stored.get(session)
        if stored is not None:
            found.update(_answers(_texts(stored), by_question))
        else:
            for turn in turns:
                if turn.prompt is not None and not turn.leaked("prompt"):
                    found.update(_answers(turn.prompt, by_question))
        yield from found.items()


def _answers(messages: Sequence[int | None], by_question: dict[int, int]) -> Iterator[tuple[int, int]]:
    for question, answer in pairwise(messages):
        if question is None or answer is None or role_of(question) != USER or role_of(answer) != ASSISTANT:
            continue
        op = question >> 3 if question & 1 else by_question.get(question)
        if op is not None and not answer & 1:
            yield op, answer


def _texts(stored: Stored) -> list[int | None]:
    """Its messages, those that name their turn by what they say; None: what tells of somebody else."""
    messages: list[int | None] = list(stored.messages)
    for at, said in zip(stored.unlike[::2], stored.unlike[1::2], strict=True):
        messages[at] = said
    for at in stored.hits[::2]:
        messages[at] = None
    return messages
