"""An address or a curl command as a description to begin with, and what a probe adds to it."""

from __future__ import annotations

import threading
from contextlib import closing
from urllib.parse import urlsplit

from rag.crosstalk.targets.description import SCHEMES
from rag.crosstalk.targets.errors import BadTarget
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.onboarding.curl import from_curl, is_curl
from rag.crosstalk.targets.onboarding.draft import Draft, of_description
from rag.crosstalk.targets.onboarding.probe import Probe, settled
from rag.crosstalk.targets.recognise import recognised
from rag.crosstalk.targets.trust import OWNER, NotAllowed, Trust

LOOK_SECONDS = 10.0


def begun(text: str, trust: Trust = OWNER) -> Draft:
    """text: http://…, https://…, ws://… or wss://…, or a curl command. Asks an address what it speaks, harmlessly.

    Raises BadTarget for what is neither or may not be asked, TargetFailed for an address that cannot be reached.
    """
    if is_curl(text):
        return from_curl(text)
    url = text.strip()
    if not url.startswith(SCHEMES):
        raise BadTarget(url[:80] or "Nothing", "expected http://…, https://…, ws://…, wss://… or a curl command")
    try:
        urlsplit(url)
    except ValueError as exc:
        raise BadTarget(url[:80], f"the address cannot be read ({exc})") from exc
    try:
        one, found = recognised(url, LOOK_SECONDS, trust)
    except NotAllowed:
        raise
    except BadTarget:
        return Draft(
            "No protocol was recognised. This is a common form: change what differs here.",
            {"url": url, "json": {"message": "{text}", "session_id": "{session}"}},
            ("answer: names where the answer is, such as `reply.text`; without it the whole body counts.",),
        )
    title = f"Recognised: {one.title}." if one is not None else "From its OpenAPI document."
    return of_description(found, one, title)


def tried(draft: Draft, trust: Trust = OWNER, stop: threading.Event | None = None) -> tuple[Probe, Draft]:
    """The probe of it, and the draft with the place of the answer filled in. Raises BadTarget as `description` does."""
    probed, target = settled(HttpTarget(draft.description(trust), trust=trust), stop)
    with closing(target):
        return probed, draft.answering(probed.answer) if probed.answer else draft
