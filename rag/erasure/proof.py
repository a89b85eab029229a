"""Looks for what is left of a session: in every key and value of Redis and in its log of slow commands, in Chroma's
files, in the append-only file, in the memory of this process.

What only this session can have written is a leftover wherever it lies. The same words in another session's keys are
that session's, as far as can be told; in Chroma's files nobody's name stands beside them, so there they are `unknown`.
The audit keeps the session's id on purpose, with what was done to it, and never a text.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import redis

from rag.erasure.marks import Marks
from rag.erasure.reading import everything, logged
from rag.errors import CrosswireError
from rag.inspector import Inspector, Pace
from rag.inspector.layouts.crosswire import Own
from rag.knowledge.storage.chroma import private_start
from rag.sessions.connection.errors import translated
from rag.sessions.protocol.keys import tag

if TYPE_CHECKING:  # who only deletes loads no model
    from rag.services import Services

Verdict = Literal["erased", "left", "unknown"]
MOST_NAMED = 5
"""Places are named so many; the others are counted."""
_SLOW = b"its log of slow commands, which SLOWLOG RESET empties"


@dataclass(frozen=True, slots=True)
class Place:
    """detail: a sentence, without any text of the session."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class Proof:
    """looked_for: how many marks."""

    session_id: str
    looked_for: int
    places: tuple[Place, ...]

    @property
    def verdict(self) -> Verdict:
        found = {place.verdict for place in self.places}
        return "left" if "left" in found else "unknown" if "unknown" in found else "erased"


def look(services: Services, marks: Marks, *, rewritten: bool) -> Proof:
    """rewritten: by `compact`, since the deletion. Of what cannot be read, it cannot tell.

    Reads all of Redis, in steps and at most half of the server's time.
    """
    sid = marks.session_id.encode()
    places = (
        _seen("Redis", lambda: _redis(services, marks)),
        _seen("Redis on disk", lambda: _log(services, marks, rewritten)),
        _seen("Documents", lambda: _chroma(services, marks)),
        _seen("Memory of this process", lambda: _memory(services, marks)),
    )
    return Proof(marks.session_id, len({sid, *marks.ids, *marks.said, *marks.owned, *marks.canaries}), places)


def _seen(name: str, place: Callable[[], tuple[Verdict, str]]) -> Place:
    try:
        return Place(name, *place())
    except CrosswireError as exc:
        return Place(name, "unknown", str(exc))


def _redis(services: Services, marks: Marks) -> tuple[Verdict, str]:
    store, keys, strange = services.store, 0, 0
    histories = Inspector(services.client, store).histories
    assert isinstance(histories, Own)  # noqa: S101 - of no other layout
    sid, tagged = marks.session_id.encode(), tag(marks.session_id).encode()
    own = (*marks.ids, *marks.canaries)
    shared = (*marks.said, *marks.owned)
    audit, last = store.protocol.keys.audit.encode(), b""
    left: dict[bytes, None] = {}
    with translated(services.settings.redis_url if services.settings.redis_url == "embedded" else "REDIS_URL"):
        for key, part in everything(services.client, Pace(share=0.5)):
            keys += key != last
            last = key
            if part is None:
                strange += 1
                continue
            owner = histories.owner(key)
            wanted = own if key == audit else (sid, tagged, *own)
            if owner is None or owner == marks.session_id:
                wanted += shared
            if any(mark in part for mark in wanted):
                left[key] = None
        try:
            for entry in logged(services.client):
                if any(mark in entry for mark in own + (shared if tagged in entry else ())):
                    left[_SLOW] = None
        except redis.ResponseError:  # this user may not read it
            strange += 1
    if left:
        due = " Its documents are still to be deleted." if store.protocol.keys.documents_due.encode() in left else ""
        return ("left", f"In {_named([*left])}.{due}")
    if strange:
        return ("unknown", f"{_counted(strange, 'part')} of types that cannot be read here.")
    return ("erased", f"Nothing in {_counted(keys, 'key')} with all values. The audit keeps the id.")


def _log(services: Services, marks: Marks, rewritten: bool) -> tuple[Verdict, str]:
    if services.settings.redis_url != "embedded":
        return ("unknown", "Files, replicas and backups of this Redis are its operator’s to erase.")
    if not rewritten:
        return ("unknown", "The append-only file has not been written anew since.")
    folder = services.settings.state_dir / "redis"
    # The pieces may be another's as well, and the id is the audit's.
    return _files(folder, (*marks.ids, *marks.canaries), ())


def _chroma(services: Services, marks: Marks) -> tuple[Verdict, str]:
    if services.settings.chroma_url != "embedded":
        if any(owner.session_id == marks.session_id for owner in services.library.owners()):
            return ("left", "Chroma has a collection of this session.")
        return ("unknown", "Chroma’s server has no collection of it; its files are its operator’s to erase.")
    own = (marks.session_id.encode(), *marks.ids, *marks.canaries)
    own += (private_start(marks.session_id).encode(),)
    return _files(services.settings.state_dir / "library", own, marks.owned)


def _memory(services: Services, marks: Marks) -> tuple[Verdict, str]:
    sid = marks.session_id
    held: dict[str, Callable[[], Collection[str]]] = {
        "messages": services.store.remembered,
        "documents": lambda: {owner.session_id for owner in services.library.remembered()},
    }
    left = [what for what, known in held.items() if sid in known()]
    if left:
        return ("left", f"It still has {' and '.join(left)}.")
    return ("erased", "Nothing. Other processes let go of it within 30 s, and show none of it.")


def _files(folder: Path, own: Sequence[bytes], shared: Sequence[bytes]) -> tuple[Verdict, str]:
    """In what they hold and what they are called. shared: what may be another's."""
    seen, size, left, perhaps = 0, 0, [], []
    try:
        paths = [Path(inside) / name for inside, _, names in os.walk(folder, onerror=_raised) for name in names]
    except OSError as exc:
        return ("unknown", f"{Path(exc.filename).name} cannot be read ({type(exc).__name__}).")
    for path in sorted(paths):
        name = os.fsencode(path.name)
        if any(mark in name for mark in own):
            left.append(name)
            continue
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                seen, size = seen + 1, size + len(content)
                if any(content.find(mark) >= 0 for mark in own):
                    left.append(name)
                elif any(content.find(mark) >= 0 for mark in shared):
                    perhaps.append(name)
        except FileNotFoundError:
            continue  # replaced while it was looked for
        except (ValueError, OSError) as exc:
            if path.is_file() and not path.is_socket() and path.stat().st_size:
                return ("unknown", f"{path.name} cannot be read ({type(exc).__name__}).")
    if left:
        return ("left", f"In {_named(left)}.")
    if perhaps:
        return ("unknown", f"The same words are in {_named(perhaps)}: perhaps in another’s document.")
    return ("erased", f"Nothing in {_counted(seen, 'file')}, {size:,} bytes.")


def _raised(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # that one was replaced while it was looked for
        raise error


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(names: Sequence[bytes]) -> str:
    shown = [ascii(one.decode("utf-8", "replace"))[1:-1][:80] for one in names[:MOST_NAMED]]
    return ", ".join(shown) + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")
