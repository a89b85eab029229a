"""What a description must have to play a scene."""

from __future__ import annotations

from rag.crosstalk.run.conversation import DELETE, pairs
from rag.crosstalk.targets.description import Description


def lacks(description: Description, scene: str) -> str:
    """What it has not; empty: nothing."""
    if scene == "upload":
        return "" if description.upload is not None else "`upload`: how a document is sent"
    if pairs(scene) and not description.identifies:
        return (
            "users that the service can tell apart by more than an id: `users` with a login in `before`, or who they "
            "are in each request. Where ids alone tell users apart, whoever has one is that user"
        )
    if scene == "same-id" and description.replayed.isdisjoint(("session", "uuid")):
        return "an id that a client chooses: {session} or {uuid} in its requests"
    if scene == "replayed-ids" and not description.replayed:
        return "an id in its requests: {session}, {uuid}, a value kept from a turn, or one that `ids` names"
    if scene == "swapped-file" and not description.file_ids:
        return "`upload` with `keep`, and what it keeps in a question or in `read`: a file's id"
    if scene == DELETE and not description.deleted:
        return "`delete`, with an id of the conversation: {session}, {uuid}, a value kept from a turn, or one of `ids`"
    return ""
