"""What a session id may be. Ids are exact: never case-folded, trimmed, split, normalised or matched by pattern."""

from __future__ import annotations

from rag.errors import BadSessionId

LONGEST = 128


class SessionId(str):
    """A checked session id: 1 to 128 printable characters. Two ids are one session only if they are equal."""

    __slots__ = ()

    def __new__(cls, value: str) -> SessionId:
        """Raises BadSessionId."""
        if isinstance(value, SessionId):
            return value
        if not isinstance(value, str):
            raise BadSessionId(repr(value), f"it is a {type(value).__name__}, not text")
        if not 1 <= len(value) <= LONGEST:
            raise BadSessionId(value, f"it has {len(value)} characters")
        if not value.isprintable():
            raise BadSessionId(value, "it has a control, surrogate, separator or other unprintable character")
        return super().__new__(cls, value)
