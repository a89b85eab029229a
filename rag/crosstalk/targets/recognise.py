"""Which protocol a chat speaks: by its address, or by what it answers to a few harmless requests.

Nothing is asked that changes anything, but for an MCP server's handshake, which is how one is asked at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from rag.crosstalk.targets.answers import LONGEST, at, parsed
from rag.crosstalk.targets.describing import described
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.errors import BadTarget, TargetFailed, first_line
from rag.crosstalk.targets.services import gradio
from rag.crosstalk.targets.services.mcp import chat_tool
from rag.crosstalk.targets.shipped import SHIPPED, Shipped, shipped
from rag.crosstalk.targets.trust import OWNER, Trust, client

OWN = "Crosswire"
MESSAGE_NAMES = ("message", "question", "query", "text", "input", "prompt", "msg", "content", "q", "user_input")
SESSION_NAMES = ("session_id", "conversation_id", "thread_id", "chat_id", "session", "conversation", "user_id", "user")


class Look(AbstractContextManager["Look"]):
    """What a service answers to GETs below an address, each asked once."""

    def __init__(self, url: str, timeout: float, trust: Trust = OWNER) -> None:
        self.url = url
        self.trust = trust
        self.base = url.partition("?")[0].rstrip("/") + "/"
        self._client = client(trust, timeout)
        self._seen: dict[str, tuple[str, Any]] = {}

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def json(self, path: str) -> Any:
        """None for what is no JSON, or not there. Raises TargetFailed for a service that cannot be reached."""
        return self._get(path)[1]

    def text(self, path: str) -> str:
        return self._get(path)[0]

    def _get(self, path: str) -> tuple[str, Any]:
        if path not in self._seen:
            try:
                with self._client.stream("GET", urljoin(self.base, path)) as answer:
                    found = _part(answer.iter_text())
                    text = found if answer.status_code == httpx2.codes.OK else ""
            except (httpx2.HTTPError, httpx2.InvalidURL) as exc:
                raise TargetFailed(self.url, f"it cannot be reached ({first_line(exc)})") from exc
            try:
                value = parsed(text)
            except ValueError:
                value = None
            self._seen[path] = text, value
        return self._seen[path]


def recognised(url: str, timeout: float, trust: Trust = OWNER) -> tuple[Shipped | None, Description]:
    """The protocol, and how to ask this service; no protocol where an OpenAPI document alone says how.

    Raises BadTarget for what is none of them, TargetFailed for what cannot be reached.
    """
    if url.startswith(("ws://", "wss://")):
        return shipped("websocket"), shipped("websocket").description(url, trust)
    bare = url.rstrip("/")
    if bare.endswith("/v1"):
        return shipped("openai-chat"), shipped("openai-chat").description(bare.removesuffix("v1"), trust)
    with Look(url, timeout, trust) as look:
        for one in SHIPPED:
            base = one.base(url)
            if base is not None:
                return one, _fitted(one, base, look)
        chat = urlsplit(bare).path.endswith("/api/chat")
        if chat:
            look.base = bare.removesuffix("api/chat")
        for name, is_one in _SIGNS.items():
            if is_one(look):
                return shipped(name), _fitted(shipped(name), look.base, look)
        found = next(_from_openapi(look), None)
        if found is not None:
            return None, found
        if chat:
            # Ollama's address, also where something stands before it that answers for nothing else.
            return shipped("ollama"), _fitted(shipped("ollama"), look.base, look)
    raise BadTarget(
        url,
        "it is neither Crosswire nor OpenAI-style nor any other protocol known here: describe it in a YAML file and "
        "add --spec FILE (--describe URL writes one to begin with)",
    )


def _fitted(one: Shipped, base: str, look: Look) -> Description:
    """The description with the names that this service has for what others call otherwise."""
    found = one.description(base, look.trust)
    if one.name == "gradio":
        return _gradio(found, look)
    if one.name in ("langserve", "langserve-stream"):
        return _langserve(found, base, look)
    if one.name == "mcp":
        return _mcp(found, look)
    return found


# --- what tells a protocol


def _langserve_app(look: Look) -> bool:
    routes = [path for path in _paths(look) if path.endswith("/invoke") and "{" not in path]
    if len(routes) == 1:
        look.base = urljoin(look.base, routes[0].removesuffix("invoke"))
    return len(routes) == 1


_SIGNS: dict[str, Callable[[Look], bool]] = {
    "crosswire": lambda look: bool(at(look.json("api/openapi.json"), "info.title") == OWN),
    "open-webui": lambda look: bool(at(look.json("api/config"), "name") == "Open WebUI"),
    "gradio": lambda look: any(
        isinstance(at(look.json(path), "named_endpoints"), dict) for path in ("gradio_api/info", "info")
    ),
    "chainlit": lambda look: isinstance(at(look.json("auth/config"), "passwordAuth"), bool),
    "langgraph": lambda look: "/threads/{thread_id}/runs/wait" in _paths(look),
    "langserve": _langserve_app,
    "ollama": lambda look: (
        look.text("").strip() == "Ollama is running" or isinstance(at(look.json("api/tags"), "models"), list)
    ),
    "openai-chat": lambda look: bool(at(look.json("v1/models"), "object") == "list"),
}


def _paths(look: Look) -> Mapping[str, Any]:
    found = at(look.json("openapi.json"), "paths")
    return found if isinstance(found, dict) else {}


# --- names that services choose


def _gradio(found: Description, look: Look) -> Description:
    root, marked, rest = look.url.partition("?")[0].partition("/gradio_api/call/")
    root = root.rstrip("/") if marked else look.base.rstrip("/")
    info = look.json(f"{root}/gradio_api/info") or look.json(f"{root}/info")
    return gradio.fitted(found, root, rest.split("/")[0], info, look.json(f"{root}/config"), MESSAGE_NAMES)


def _langserve(found: Description, base: str, look: Look) -> Description:
    schema = look.json(urljoin(base, "input_schema"))
    if at(schema, "type") == "string":
        given: Any = "{text}"
    elif isinstance(properties := at(schema, "properties"), dict):
        name = _named(properties, MESSAGE_NAMES) or next(iter(properties), "question")
        many = at(properties, f"{name}.type") == "array" or name == "messages"
        given = {name: [{"type": "human", "content": "{text}"}] if many else "{text}"}
    else:
        return found
    return found.model_copy(update={"body": {**found.body, "input": given}})


def _mcp(found: Description, look: Look) -> Description:
    """The first tool that needs one text alone."""
    tool = chat_tool(found, look.url, look.trust)
    if tool is None:
        return found
    name, argument = tool
    body = {**found.body, "params": {"name": name, "arguments": {argument: "{text}"}}}
    return found.model_copy(update={"body": body})


def _from_openapi(look: Look) -> Iterator[Description]:
    """A POST with a JSON body in which a text has a usual name, as its OpenAPI document says."""
    document = look.json("openapi.json")
    for path, operations in _paths(look).items():
        schema = at(operations, "post.requestBody.content")
        schema = at(schema.get("application/json"), "schema") if isinstance(schema, dict) else None
        properties = at(_resolved(document, schema), "properties")
        if "{" in path or not isinstance(properties, dict):
            continue
        message, session = _named(properties, MESSAGE_NAMES), _named(properties, SESSION_NAMES)
        if message:
            body = {message: "{text}", **({session: "{session}"} if session else {})}
            answered = at(operations, "post.responses.200.content")
            reply = at(answered.get("application/json"), "schema") if isinstance(answered, dict) else None
            fields = at(_resolved(document, reply), "properties")
            answer = _named(fields, ANSWER_NAMES) if isinstance(fields, dict) else ""
            yield described({"json": body, "answer": answer or ""}, look.url, urljoin(look.base, path.lstrip("/")))


ANSWER_NAMES = ("answer", "reply", "response", "output", "text", "message", "content", "result")


def _named(properties: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((name for name in names if name in properties), "")


def _resolved(document: Any, schema: Any) -> Any:
    reference = at(schema, "$ref") if isinstance(schema, dict) else None
    if isinstance(reference, str) and reference.startswith("#/"):
        return at(document, reference.removeprefix("#/").replace("/", "."))
    return schema


def _part(pieces: Iterator[str]) -> str:
    found = ""
    for piece in pieces:
        found += piece
        if len(found) > LONGEST:
            break
    return found[:LONGEST]
