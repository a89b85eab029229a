"""One user asks to have another's conversation deleted; its owner looks before and after, and then deletes it for real:
where that does not work either, a refusal proves nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus

from rag.crosstalk.run.hosts import Deletion
from rag.crosstalk.targets.description import Description, Step
from rag.crosstalk.targets.errors import NOT_YOURS, TargetFailed
from rag.crosstalk.targets.visitor import Visitor

GONE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
SHORTEST = 4
"""Characters by which an owner's words or ids are known."""
Seen = str | int | None
"""What an owner was shown: a text, a status that is none, or nothing that tells."""


class Deleting:
    """ask: makes one request of a user and returns what came back; raises TargetFailed."""

    def __init__(self, description: Description, ask: Callable[[Visitor, Step], str]) -> None:
        self._ask = ask
        self._looks = [step for step in (description.read, description.listed) if step is not None]
        self.done: list[Deletion] = []

    def by_another(self, visitor: Visitor, owner: Visitor, step: Step) -> None:
        """Nothing where the owner has no conversation."""
        if owner.said:
            owner.bereft = self._deleted(visitor, owner, step)

    def by_owner(self, owner: Visitor, step: Step) -> None:
        self._deleted(owner, owner, step)

    def refused(self, owner: Visitor, status: int) -> None:
        """The owner asked on, and got no answer."""
        if owner.bereft is not None and owner.bereft.gone is None and owner.bereft.answered == "done":
            owner.bereft.gone = True if status in GONE else None

    def _deleted(self, visitor: Visitor, owner: Visitor, step: Step) -> Deletion:
        before = self._seen(owner)
        answered = self._answered(visitor, step)
        found = Deletion(visitor.session, owner.session, time.monotonic(), answered)
        found.gone = gone(before, self._seen(owner), owner.marks())
        self.done.append(found)
        return found

    def _answered(self, visitor: Visitor, step: Step) -> str:
        try:
            self._ask(visitor, step)
        except TargetFailed as exc:
            return "refused" if exc.status in NOT_YOURS else "failed"
        return "done"

    def _seen(self, owner: Visitor) -> list[Seen]:
        return [self._look(owner, step) for step in self._looks]

    def _look(self, owner: Visitor, step: Step) -> Seen:
        try:
            return self._ask(owner, step)
        except TargetFailed as exc:
            return exc.status or None


def gone(before: Sequence[Seen], after: Sequence[Seen], marks: Iterable[str]) -> bool | None:
    """Whether one of the looks showed a conversation before and not afterwards; None where none of them can tell.

    marks: the owner's words and ids. What changed and still has some of them may be hidden from the owner, or not.
    """
    wanted = {form for mark in marks if len(mark) >= SHORTEST for form in (mark, json.dumps(mark)[1:-1])}
    told = {_gone(one, then, wanted) for one, then in zip(before, after, strict=True)}
    return True if True in told else None if None in told or not told else False


def _gone(before: Seen, after: Seen, wanted: Iterable[str]) -> bool | None:
    shown = {mark for mark in wanted if mark in before} if isinstance(before, str) else set()
    if not shown:
        return None
    if not isinstance(after, str):
        return True if after in NOT_YOURS | GONE else None
    if not any(mark in after for mark in shown):
        return True
    return False if after == before else None
