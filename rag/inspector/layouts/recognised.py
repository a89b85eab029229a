"""All layouts of one Redis together: every key is looked at, and read by the reader of the layout that claims it.

What no layout claims is counted, or named as doubtful where it could hold messages (see `suspects`). Nothing depends on
how keys are named, but for the app's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rag.inspector.key_scan import steps
from rag.inspector.layouts.base import Histories, Layout, Stored
from rag.inspector.layouts.crosswire import Own
from rag.inspector.layouts.registry import CLASSIC, COMMUNITY, CROSSWIRE, LANGCHAIN_REDIS, LAYOUTS
from rag.inspector.layouts.scattered import Scattered, blob
from rag.inspector.layouts.together import Together
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import Look, looks
from rag.inspector.parsing.message_parsers import classic, document_by_key
from rag.inspector.parsing.suspects import suspicion
from rag.sessions import SessionStore
from rag.sessions.connection.errors import translated


class Recognised(Together):
    """A session's id is its key, without the prefix that was asked for; of layouts with several keys each, its own."""

    def __init__(self, client: Any, store: SessionStore, prefix: str | None, target: str) -> None:
        super().__init__(client, prefix or "", target)
        self._own = Own(client, CROSSWIRE, store, target)
        self._walked = False
        self.readers[CROSSWIRE.name] = self._own
        for layout in LAYOUTS.values():
            if layout.reader is not None:
                several = issubclass(layout.reader, Scattered)
                self.readers[layout.name] = layout.reader(client, layout, "" if several else self.prefix, target)
        self.readers[LANGCHAIN_REDIS.name].parse = document_by_key

    def ids(self, pace: Pace) -> Iterator[tuple[int, list[str]]]:
        return self.sampled(pace, None)

    def sampled(self, pace: Pace, most: int | None) -> Iterator[tuple[int, list[str]]]:
        """The same for a first answer: after about so many keys the walk ends. `seen.keys` says how many it were."""
        self.begin()
        self._walked = most is None
        with translated(self.target):
            for names in steps(self.client, pace, self.prefix):
                self.seen.keys += len(names)
                yield len(names), self._claimed(names, pace)
                if most is not None and self.seen.keys >= most:
                    break
        for name, reader in self.readers.items():
            if isinstance(reader, Scattered):
                for sessions in reader.index.sessions():
                    yield 0, [self.known_as(session, name) for session in sessions]

    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        if not self._walked and any(self.whose(one) is None for one in ids):
            with translated(self.target):
                self._claimed([blob(self.prefix + one) for one in ids], pace)
            if any(self.whose(one) is None for one in ids):
                for _ in self.ids(pace):
                    pass
        return super().read(ids, pace, first)

    def missed(self, ids: Sequence[str], reader: Histories, pace: Pace) -> None:
        """What was claimed and then not read: gone, or broken from the start."""
        keys = [] if isinstance(reader, Own | Scattered) else [blob(reader.prefix + one) for one in ids]
        for look in looks(self.client, keys, pace) if keys else ():
            self.seen.doubt(look, f"it looked like {reader.layout.title}, and could not be read as that")

    def _claimed(self, names: Sequence[bytes], pace: Pace) -> list[str]:
        ids: dict[str, None] = {}
        others = list[bytes]()
        for name in names:
            owner = self._own.owner(name)
            if owner is None:
                others.append(name)
            else:
                ids[self.known_as(owner, CROSSWIRE.name)] = None
        for look in looks(self.client, others, pace):
            layout = claimed_by(look)
            if layout is None:
                self._unclaimed(look)
                continue
            reader = self.readers[layout.name]
            if not isinstance(reader, Scattered):
                ids[self.known_as(look.name[len(self.prefix) :], layout.name)] = None
            elif reader.part(look) is None:
                self.seen.doubt(look, f"it looks like {layout.title}, but its key does not say whose it is")
            else:
                reader.found([look])
        return list(ids)

    def _unclaimed(self, look: Look) -> None:
        why = suspicion(look, self.spots)
        if why:
            self.seen.doubt(look, why)
        else:
            self.seen.other(look)


def claimed_by(look: Look) -> Layout | None:
    """The layout whose this is, by what it holds."""
    found = next((one for one in LAYOUTS.values() if one.claims is not None and one.claims(look)), None)
    return COMMUNITY if found is CLASSIC and _newest_first(look) else found


def _newest_first(look: Look) -> bool:
    """A conversation begins with a question and ends with an answer, as a rule; langchain-community names its keys."""
    first, last = (classic(look.parts[number], "").role for number in (0, -1))
    if first == last:
        return look.name.startswith(COMMUNITY.prefix)
    return first == "assistant" and last in ("user", "system")
