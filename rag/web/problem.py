"""Errors as the API tells them: RFC 9457, `application/problem+json`. `detail` is one line that says what to do."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Problem:
    """One error answer. `title` is the same for every problem of a kind, and names the kind in `type`."""

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
        headers = {"Cache-Control": "no-store, private", **self.headers}
        return Response(json.dumps(self.to_dict()), self.status, headers, MEDIA_TYPE)
