"""The session cookie, and the inspector's: a token, signed and dated.

Of the session's only a hash, which is its id, leaves this package. A cookie that is not exactly as it was issued is
no cookie. Nothing here raises on what a client makes up; NewerCookie is for what a later version of this server signed:
two versions may run side by side, and the older one must not take its visitor's sessions away by issuing another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from itsdangerous import BadSignature, TimestampSigner
from itsdangerous.signer import SigningAlgorithm

from rag.errors import NewerCookie
from rag.sessions.ids import SessionId
from rag.web.sessions.token import SHAPE, new_token, session_id_of

__all__ = ["CookieJar", "Ticket", "new_token", "read_session", "read_ticket", "session_id_of"]

REISSUE_AFTER = 24 * 3600
SECURE_PREFIX = "__Host-"
_SHAPE = re.compile(SHAPE, re.ASCII)
_SIGNED = re.compile(r"[A-Za-z0-9_~-]{1,256}\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{64}", re.ASCII)
"""A token of any version, its time and its signature."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a cookie is for; one of another purpose is not taken for it. max_age: seconds."""

    salt: str
    prefix: str
    max_age: int
    same_site: str


SESSION = Purpose("crosswire.session", "crosswire_", 30 * 24 * 3600, "Lax")
INSPECTOR = Purpose("crosswire.inspector", "crosswire_inspector_", 12 * 3600, "Strict")
"""This browser came by a one-time link."""
MAX_AGE = SESSION.max_age


@dataclass(frozen=True, slots=True)
class Ticket:
    """A token that this server issued, and when (epoch seconds)."""

    token: str
    issued: float
    secure: bool

    @property
    def session_id(self) -> SessionId:
        return session_id_of(self.token)


class CookieJar:
    """Signs and reads cookies of one purpose. Stateless: two of them with one secret agree on everything."""

    def __init__(self, secret: str, purpose: Purpose = SESSION, *, now: Callable[[], float] = time.time) -> None:
        # SHA-384, because its 48 bytes fill their base64 text to the last bit: no second spelling of a signature.
        self._signer = _Signer(
            secret, purpose.salt, key_derivation="hmac", digest_method=hashlib.sha384, algorithm=_Sha384()
        )
        self._signer.now = now
        self._now = now
        self._purpose = purpose
        # Cookies are shared by all ports of a host. A name of its own keeps another instance there from
        # replacing ours, and itself from being replaced.
        self.plain_name = purpose.prefix + hashlib.sha256(f"{purpose.salt}.name:{secret}".encode()).hexdigest()[:8]
        self.secure_name = SECURE_PREFIX + self.plain_name

    def sign(self, token: str) -> str:
        return self._signer.sign(token).decode("ascii")

    def verify(self, value: str) -> tuple[str, float] | None:
        """The token in a cookie's value and when it was issued. Raises NewerCookie."""
        if _SIGNED.fullmatch(value) is None:
            return None
        try:
            token, issued = self._signer.unsign(value, return_timestamp=True)
        except (BadSignature, ValueError):
            return None
        # Not itsdangerous' own max_age: that also refuses cookies from a server whose clock is a second ahead.
        if self._now() - issued.timestamp() > self._purpose.max_age:
            return None
        if _SHAPE.fullmatch(token.decode("ascii")) is None:
            raise NewerCookie
        return token.decode("ascii"), issued.timestamp()

    def read(self, cookies: Iterable[tuple[str, str]], *, https: bool) -> Ticket | None:
        """The one session that these cookies name.

        A `__Host-` cookie wins: no other host, port without TLS or path can have set it. On https it is the only
        one that counts. Several of one name are ambiguous, and an ambiguous request has no session. Raises
        NewerCookie.
        """
        pairs = list(cookies)
        for name in (self.secure_name,) if https else (self.secure_name, self.plain_name):
            values = [value for key, value in pairs if key == name]
            if len(values) > 1:
                return None
            if values and (found := self.verify(values[0])) is not None:
                return Ticket(*found, secure=name == self.secure_name)
        return None

    def header(self, token: str, *, https: bool) -> str:
        """The value of Set-Cookie."""
        name, secure = (self.secure_name, "; Secure") if https else (self.plain_name, "")
        kept = f"Max-Age={self._purpose.max_age}; Path=/; HttpOnly; SameSite={self._purpose.same_site}"
        return f"{name}={self.sign(token)}; {kept}{secure}"


class _Sha384(SigningAlgorithm):
    """In one call: itsdangerous' own HMAC makes an object of each part, a third of what reading a cookie takes."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha384")


class _Signer(TimestampSigner):
    now: Callable[[], float]

    @cached_property
    def _derived(self) -> bytes:
        return super().derive_key()

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """Of our one secret it is always the same."""
        return self._derived if secret_key in (None, self.secret_key) else super().derive_key(secret_key)

    def get_timestamp(self) -> int:
        return int(self.now())


def read_ticket(cookies: Mapping[str, str], secret: str) -> Ticket | None:
    """The ticket of a page's websocket, from `st.context.cookies`. None: this browser keeps no cookies.

    SessionCookie has seen that handshake before and has left at most one session cookie in it. Raises NewerCookie.
    """
    return CookieJar(secret).read(cookies.items(), https=False)


def read_session(cookies: Mapping[str, str], secret: str) -> SessionId | None:
    """The session that is open there. Raises NewerCookie."""
    ticket = read_ticket(cookies, secret)
    return ticket.session_id if ticket else None
