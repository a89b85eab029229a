"""How an HTTP chat endpoint is asked, from a small YAML file or recognised by its address.

    url: https://chat.example.org/api/ask      # left out: the target's own
    method: POST
    headers: {Authorization: "Bearer ${TOKEN}"} # from the environment
    cookies: {sid: "{session}"}
    query: {}                                   # form: {…} instead of json: {…} sends a form
    json: {conversation: "{session}", message: "{text}"}
    answer: reply.text                          # where the answer is, numbers for places in lists; left out: the body
    stream: sse                                 # the answer comes as events, each with a part of it at `answer`
    deadline: 120                               # seconds that a whole answer may take; 120 if left out

`{messages}` stands for the conversation so far as role and content, for endpoints that keep none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import httpx2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.crosstalk.targets.errors import BadTarget, TargetFailed

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PLACES = ("{text}", "{messages}")
OWN = "Crosswire"


class Endpoint(BaseModel):
    """A description that was checked. `answer`: keys and list places, joined by dots."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    method: Literal["POST", "GET", "PUT"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    cookies: dict[str, str] = Field(default_factory=dict)
    query: dict[str, Any] = Field(default_factory=dict)
    form: dict[str, Any] | None = None
    body: Any = Field(default=None, alias="json")
    answer: str = ""
    stream: Literal["sse"] | None = None
    deadline: float = Field(default=120.0, gt=0, le=3600)


def read_endpoint(path: Path, url: str) -> Endpoint:
    """Raises BadTarget with what is wrong and where."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise BadTarget(str(path), f"it cannot be read ({exc.strerror})") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise BadTarget(str(path), f"it is not YAML ({_first_line(exc)})") from exc
    if not isinstance(values, dict):
        raise BadTarget(str(path), "expected keys like url, json and answer")
    return described({"url": url, **_filled(values, str(path))}, str(path))


def described(values: Mapping[str, Any], where: str) -> Endpoint:
    try:
        endpoint = Endpoint.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadTarget(where, f"{key}: {first['msg'].lower()}; see the keys in the README") from exc
    if not endpoint.url.startswith(("http://", "https://")):
        raise BadTarget(where, f"url is {endpoint.url!r}: expected http://… or https://…")
    if endpoint.form is not None and endpoint.body is not None:
        raise BadTarget(where, "it has form and json: expected one of them")
    sent = repr((endpoint.body, endpoint.form, endpoint.query, endpoint.headers))
    if not any(place in sent for place in _PLACES):
        raise BadTarget(where, "nothing of it says {text} or {messages}, so no question would be sent")
    return endpoint


def recognised(url: str, timeout: float) -> Endpoint:
    """OpenAI-style endpoints by their path, our own API by its description. Raises BadTarget, TargetFailed."""
    bare = url.rstrip("/")
    if bare.endswith(("/chat/completions", "/v1")):
        address = bare if bare.endswith("/chat/completions") else f"{bare}/chat/completions"
        key = os.environ.get("OPENAI_API_KEY", "")
        return Endpoint(
            url=address,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            json={"model": os.environ.get("CHAT_MODEL", "default"), "messages": "{messages}"},
            answer="choices.0.message.content",
        )
    try:
        found = httpx2.get(f"{bare.removesuffix('/api/chat')}/api/openapi.json", timeout=timeout)
        own = found.status_code == httpx2.codes.OK and found.json().get("info", {}).get("title") == OWN
    except httpx2.HTTPError as exc:
        raise TargetFailed(url, f"it cannot be reached ({_first_line(exc)})") from exc
    except (ValueError, AttributeError):
        own = False
    if not own:
        raise BadTarget(url, "it is neither Crosswire nor OpenAI-style: describe it in a YAML file and add --spec FILE")
    return Endpoint(url=f"{bare.removesuffix('/api/chat')}/api/chat", json={"message": "{text}"}, answer="answer")


def _filled(value: Any, where: str) -> Any:
    """With ${NAME} replaced by what the environment holds."""
    if isinstance(value, dict):
        return {key: _filled(one, where) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, where) for one in value]
    return _VARIABLE.sub(lambda name: _variable(name[1], where), value) if isinstance(value, str) else value


def _variable(name: str, where: str) -> str:
    found = os.environ.get(name)
    if found is None:
        raise BadTarget(where, f"it needs the environment variable {name}, which is not set")
    return found


def _first_line(exc: Exception) -> str:
    return (str(exc) or type(exc).__name__).splitlines()[0]
