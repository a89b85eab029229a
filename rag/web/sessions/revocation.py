"""Ends cookies: the one before a change of session, and all of a browser that is forgotten. Every replica sees it."""

from __future__ import annotations

from rag.sessions.revocations import Credential, Revocations
from rag.web.cookie import MAX_AGE
from rag.web.sessions.token import OVER, browser_of, generation_of

_MARGIN = 60
"""Seconds in which another replica may be sending the old cookie once more."""


def credential_of(token: str) -> Credential:
    """Whose cookie this is, as a turn asks whether it still counts."""
    return Credential(browser_of(token), generation_of(token))


def is_over(revocations: Revocations, token: str) -> bool:
    """Whether this token's cookie was ended. One round trip; raises SessionStoreUnavailable."""
    return generation_of(token) < revocations.first(browser_of(token))


def replace(revocations: Revocations, token: str, by: str) -> None:
    """From now on only `by` counts, or nothing if that is another browser's. Raises SessionStoreUnavailable."""
    browser = browser_of(token)
    first = generation_of(by) if browser_of(by) == browser else OVER
    revocations.end(browser, first, MAX_AGE + _MARGIN)
