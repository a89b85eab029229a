"""Sessions that are one JSON text or document each, or a hash with one, which holds all their messages."""

from __future__ import annotations

from collections.abc import Sequence

from rag.inspector.key_scan import of_each
from rag.inspector.layouts.base import Keyed, Stored
from rag.inspector.layouts.forms import held_in
from rag.inspector.pace import Pace
from rag.inspector.parsing.looks import looks
from rag.inspector.parsing.spoken import elements
from rag.inspector.parsing.suspects import suspicion
from rag.sessions.connection.errors import translated


class Values(Keyed):
    def read(self, ids: Sequence[str], pace: Pace, first: int | None = None) -> list[Stored]:
        del first
        names = {self.key(sid): sid for sid in ids}
        found = []
        with translated(self.target):
            seen = list(looks(self.client, list(names), pace))
            keys = [look.key for look in seen]
            lefts = pace(of_each, self.client, keys, lambda pipe, key: pipe.pttl(key)) if keys else []
        for look, (left,) in zip(seen, lefts, strict=True):
            key = look.key.decode("utf-8", "replace")
            if look.too_large and (why := suspicion(look)):
                self.seen.doubt(look, why)
                continue
            claims = self.layout.claims
            held = held_in(look) if claims is not None and claims(look) else None
            if held is not None:
                lines = list(elements(*held))
                found.append(Stored(names[look.key], lines, len(lines), {key: left}))
        return found
