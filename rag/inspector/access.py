"""Who may look: whoever has the password, or is logged in as one of a list; without both, whoever came by a link.

Fails closed. Nothing that a client sends, and no address that it comes from, stands for any of these: to a proxy on
this machine everybody is from this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from rag.settings import Settings

Door = Literal["open", "password", "login", "either", "not listed", "shut"]

SHUT = (
    "The inspector opens by a one-time link: the server wrote one when it started, and `python -m rag inspect-link` in "
    "its folder writes another. To open it to others, set INSPECTOR_PASSWORD (at least 8 characters), or set up "
    "Streamlit's login ([auth] in .streamlit/secrets.toml) and list who may look in INSPECTOR_EMAILS; then restart."
)
NO_LOGIN = (
    "The inspector is shut: INSPECTOR_EMAILS lists who may look, but Streamlit's login is not set up. Add [auth] to "
    ".streamlit/secrets.toml, set INSPECTOR_PASSWORD (at least 8 characters), or unset INSPECTOR_EMAILS; then restart."
)
PER_ADDRESS = 5
OVERALL = 50
WINDOW = 300.0
ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody whom Streamlit's OpenID Connect login named."""

    email: str
    verified: bool


def door(settings: Settings, login: Login | None, *, linked: bool, passed: bool, can_log_in: bool) -> Door:
    """linked: this browser came by a one-time link, which counts where there is nothing else.

    passed: this connection gave the password before. can_log_in: a login is set up.
    """
    listed = bool(settings.inspector_emails) and can_log_in
    if (linked and opens_by_link(settings)) or passed or (login is not None and listed and _is_listed(settings, login)):
        return "open"
    if settings.inspector_password is not None:
        return "either" if listed and login is None else "password"
    if not listed:
        return "shut"
    return "login" if login is None else "not listed"


def opens_by_link(settings: Settings) -> bool:
    """Neither a password nor a login is asked for."""
    return settings.inspector_password is None and not settings.inspector_emails


class Guard:
    """Compares passwords in constant time and limits attempts, per address and of all together. Thread-safe.

    Within `window` seconds there are `per_address` wrong attempts (of an IPv6 network of 64 bits together), and
    `overall` of everybody; after that the right password is refused, too, until the oldest of them is that old.
    """

    def __init__(
        self,
        *,
        per_address: int = PER_ADDRESS,
        overall: int = OVERALL,
        window: float = WINDOW,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_address = per_address
        self._window = window
        self._clock = clock
        self._lock = Lock()
        self._all: deque[float] = deque(maxlen=overall)
        self._by: OrderedDict[str, deque[float]] = OrderedDict()

    def enter(self, settings: Settings, address: str | None, given: str) -> str:
        """Empty if this is the password; otherwise what to tell whoever gave it."""
        if settings.inspector_password is None:
            return SHUT
        with self._lock:
            wait = self._wait(network(address))
            if wait > 0:
                return f"Too many wrong passwords. Try again in {max(1, round(wait / 60))} min."
            if same(given, settings.inspector_password.get_secret_value()):
                self._by.pop(network(address), None)
                return ""
            self._missed(network(address))
        return "This is not the password."

    def _wait(self, who: str) -> float:
        now = self._clock()
        waits = [self._left(self._all, now, self._all.maxlen or 1)]
        waits.append(self._left(self._by.get(who, deque()), now, self._per_address))
        return max(waits)

    def _left(self, missed: deque[float], now: float, most: int) -> float:
        recent = [at for at in missed if now - at < self._window]
        return self._window - (now - recent[0]) if len(recent) >= most else 0.0

    def _missed(self, who: str) -> None:
        now = self._clock()
        self._all.append(now)
        self._by.setdefault(who, deque(maxlen=self._per_address)).append(now)
        self._by.move_to_end(who)
        while len(self._by) > ADDRESSES:
            self._by.popitem(last=False)


def same(given: str, expected: str) -> bool:
    """In the same time however much of it is right, and however long it is."""
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, expected)]
    return hmac.compare_digest(*digests)


def network(address: str | None) -> str:
    """Whose attempts are counted together."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is None:
        return str(ipaddress.ip_network((known, 64), strict=False))
    return str(getattr(known, "ipv4_mapped", None) or known)


def _is_listed(settings: Settings, login: Login) -> bool:
    return login.verified and login.email.casefold() in {one.casefold() for one in settings.inspector_emails}
