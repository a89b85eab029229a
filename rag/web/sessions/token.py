"""What a session cookie holds: a secret of this browser, and which of its sessions is open.

One secret proves all sessions of a browser: each id is a hash of the secret and the session's number. So the list needs
no place on the server, it is bounded, and no id can be guessed, from another one neither.

Each change of session begins a new generation of the cookie, and ends the older ones (see revocation.py): whoever has
stolen one can do nothing with it from then on, not even follow.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from rag.sessions.ids import SessionId

EARLIER = 9
"""Sessions that a browser can go back to, besides the open one: the newest."""
OVER = 1_000_000_000
"""The generation that no cookie is of."""
_LAST = 999
SHAPE = r"[A-Za-z0-9_-]{43}(?:~\d{1,3}~\d{1,3}(?:~\d{1,9})?)?"
"""The secret; and, once there was a second session, the open one's number and the last one's, from 0; and, since
cookies can be ended, the generation."""
_NUMBER = re.compile(r"\d{1,3}", re.ASCII)


def new_token() -> str:
    """256 random bits, URL-safe: a browser that was never here."""
    return secrets.token_urlsafe(32)


def session_id_of(token: str) -> SessionId:
    """What Redis and the inspector see of the open session: it cannot be turned back into the token."""
    secret, number, _, _ = _parts(token)
    return _session_id(secret, number)


def browser_of(token: str) -> str:
    """What Redis sees of the browser. It is none of its session ids, and leads to none."""
    return hashlib.sha256(f"crosswire.browser~{_parts(token)[0]}".encode("ascii")).hexdigest()


def generation_of(token: str) -> int:
    return _parts(token)[3]


def following(token: str) -> str:
    """The same browser with a new session open."""
    secret, _, last, generation = _parts(token)
    return _token(secret, last + 1, last + 1, generation + 1) if last < _LAST else new_token()


def opened(token: str, number: str) -> str | None:
    """The same browser with another session open, by a number that a client sent; None: it cannot go there."""
    secret, current, last, generation = _parts(token)
    if _NUMBER.fullmatch(number) is None or int(number) not in {current, *earlier(token)} or generation + 1 == OVER:
        return None
    return _token(secret, int(number), last, generation + 1)


def earlier(token: str) -> dict[int, SessionId]:
    """The sessions that this browser can go back to, by number, the newest first."""
    secret, current, last, _ = _parts(token)
    oldest = max(0, last - EARLIER)
    return {number: _session_id(secret, number) for number in range(last, oldest - 1, -1) if number != current}


def all_sessions(token: str) -> list[SessionId]:
    """Every session that this browser ever had, those included to which it cannot go back any more."""
    secret, _, last, _ = _parts(token)
    return [_session_id(secret, number) for number in range(last + 1)]


def _token(secret: str, current: int, last: int, generation: int) -> str:
    return f"{secret}~{current}~{last}~{generation}" if generation < OVER else new_token()


def _parts(token: str) -> tuple[str, int, int, int]:
    secret, *numbers = token.split("~")
    current, last, generation = [*map(int, numbers), 0, 0, 0][:3]
    return secret, current, last, generation


def _session_id(secret: str, number: int) -> SessionId:
    named = f"{secret}~{number}" if number else secret
    return SessionId(hashlib.sha256(named.encode("ascii")).hexdigest())
