"""Errors as the API tells them: RFC 9457, `application/problem+json`. `detail` is one line that says what to do.

Nothing of an unforeseen error is told: it goes to the server's log.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from rag import errors

MEDIA_TYPE = "application/problem+json"
PRIVATE = {"Cache-Control": "no-store, private"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One error answer. All problems of a kind have the same `title`, and the `type` that follows from it."""

    status: int
    title: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, str | int]:
        kind = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return {
            "type": f"urn:problem-type:crosswire:{kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }

    def response(self) -> Response:
        headers = {**PRIVATE, **self.headers}
        return Response(json.dumps(self.to_dict()), self.status, headers, MEDIA_TYPE)


class Refused(Exception):
    """A request that cannot be served as it is."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


_KINDS: tuple[tuple[type[errors.CrosswireError], int, str, int | None], ...] = (
    (errors.OverLimit, 429, "Too many requests", None),
    (errors.TooManyAtOnce, 429, "Too many turns at once", None),
    (errors.Overloaded, 503, "Too many turns", None),
    (errors.BadQuestion, 422, "Bad message", None),
    (errors.TurnBusy, 409, "Session is busy", 5),
    (errors.TurnLost, 409, "Answer not saved", None),
    (errors.TurnUnconfirmed, 504, "Copies not confirmed", None),
    (errors.SessionStoreUnavailable, 503, "Session store unavailable", 10),
    (errors.StoreFull, 503, "Session store full", 60),
    (errors.NewerFormat, 503, "Later version", 10),
    (errors.NewerCookie, 503, "Later version", 10),
    (errors.LibraryUnavailable, 503, "Library unavailable", 10),
    (errors.ModelBusy, 429, "Model is busy", 10),
    (errors.ModelTooSlow, 504, "Model too slow", None),
    (errors.ModelUnavailable, 502, "Model unavailable", None),
    (errors.AnswerTooLong, 502, "Answer too long", None),
    (errors.ModelError, 502, "Model refused", None),
)
"""Error, status, title, seconds after which trying again makes sense."""


def problem_of(error: Exception) -> Problem:
    """The answer to an error. Crosswire's own say what to do; of all others nothing is told."""
    if isinstance(error, Refused):
        return error.problem
    for kind, status, title, retry in _KINDS:
        if isinstance(error, kind):
            seconds = getattr(error, "retry_after", None) or retry
            return Problem(
                status, title, errors.public_line(error), {"Retry-After": str(math.ceil(seconds))} if seconds else {}
            )
    if isinstance(error, errors.CrosswireError):
        return Problem(500, "Not possible", errors.public_line(error))
    return Problem(500, "Internal error", "Something broke on the server, and its log says what. Try again later.")


async def answer_error(request: Request, error: Exception) -> Response:
    """Starlette exception handler for everything that an endpoint raises."""
    if not isinstance(error, HTTPException):
        return problem_of(error).response()
    headers = dict(error.headers or {})
    if error.status_code == 404:
        detail = f"There is nothing at {request.url.path}. What there is: /api/openapi.json"
    elif error.status_code == 405:
        detail = f"{request.method} is not possible here. Possible: {headers.get('Allow', 'see /api/openapi.json')}"
    else:
        detail = f"{error.detail}. See /api/openapi.json for what is expected."
    return Problem(error.status_code, error.detail, detail, headers).response()
