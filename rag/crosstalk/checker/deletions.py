"""Users who ask to have another's conversation deleted: whether it was, and whether that can be told.

That others are refused proves something only where a delete works at all: for the owner.
"""

from __future__ import annotations

from rag.crosstalk.checker.anomalies import FOREIGN_DELETE
from rag.crosstalk.checker.observed import Observed
from rag.crosstalk.log.events import Delete

_SAID = {
    "done": "it was answered with success",
    "refused": "it was refused, and done all the same",
    "failed": "it was answered with an error, and done all the same",
}


def foreign_deletes(seen: Observed) -> None:
    for one in _by_others(seen):
        if one.gone:
            owner = _owner(seen, one)
            seen.findings.add(
                FOREIGN_DELETE,
                one.t,
                surface="history",
                session=one.session,
                user=owner,
                owner=owner,
                evidence=f"{one.user} asked for it, and {_SAID[one.answered]}",
            )


def untold(seen: Observed) -> str:
    """Why nothing can be said of deletes; empty: something can, or there were none by others."""
    tried = _by_others(seen)
    unclear = [one for one in tried if one.gone is None and one.answered != "refused"]
    if unclear:
        return (
            f"whether {len(unclear)} of {len(tried)} deletes of another user's conversation took effect cannot be "
            "told. Describe `read` or `list`, so that its owner can look before and after"
        )
    own = [one for one in seen.deletes if one.user == _owner(seen, one)]
    if tried and not any(one.answered == "done" and one.gone is not False for one in own):
        return (
            "nobody could delete their own conversation either, so that others did not proves nothing. See that "
            "`delete` is described as the service wants it"
        )
    return ""


def without_effect(seen: Observed) -> int:
    """Deletes by others that were answered with success and changed nothing: right, if misleading."""
    return sum(one.answered == "done" and one.gone is False for one in _by_others(seen))


def _by_others(seen: Observed) -> list[Delete]:
    return [one for one in seen.deletes if _owner(seen, one) not in ("", one.user)]


def _owner(seen: Observed, one: Delete) -> str:
    turns = seen.sessions.get(one.session, ())
    return one.user if any(turn.user == one.user for turn in turns) else turns[0].user if turns else ""
