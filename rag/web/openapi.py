"""The API's description (OpenAPI 3.1), served at /api/openapi.json and tested against the running server."""

from __future__ import annotations

from typing import Any

from rag.web.problem import MEDIA_TYPE

LONGEST_BODY = 64 * 1024
LONGEST_MESSAGE = 4000
_TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
MESSAGE_PATTERN = rf"^{_TEXT}*[^\s\x00-\x1f\x7f-\x9f]{_TEXT}*$"
"""Something visible, and no control characters but tab and line breaks."""

ABOUT = """\
Each client is a session. The first answer sets a signed cookie that lasts 30 days; send it back and you have the same
session, in a browser or not. Requests without the cookie are new visitors. The session id in the answers is the hash
of the cookie's token: it names the session in the inspector and opens nothing.

Requests that change something are refused when another site's page sends them. Errors are RFC 9457 problem documents;
`detail` says what to do."""

_PROBLEMS = {
    "400": "The body is not valid JSON",
    "403": "Sent by another site's page",
    "404": "Nothing here",
    "405": "Method not possible here",
    "408": "The body took too long",
    "409": "The session is busy with another question, or this answer could not be saved",
    "413": "The body is larger than 64 KiB",
    "415": "The body is not application/json",
    "422": "The message is empty, too long, or not a text",
    "429": "Too many questions in a short time, or under way at once, of this session or address; or the model says so",
    "500": "Something broke on the server",
    "502": "The model refused, broke off, or cannot be reached",
    "503": "The session store or the library cannot be reached, or too many turns are under way",
    "504": "The model did not answer in time, or the answer is stored but its copies were not confirmed",
}
_RETRY = frozenset({"409", "429", "503"})


_EVENTS = (
    "Server-sent events: `waiting` {at_most}, `sources` {sources}, `token` {text}, then one of `done` "
    "(the same object as in JSON) or `error` (a problem document). Lines that start with a colon mean nothing."
)


def description() -> dict[str, Any]:
    """The whole document, made anew."""
    cookie = {"Set-Cookie": {"description": "For a new visitor, and once a day", "schema": {"type": "string"}}}
    answer = _json("The answer, stored in the session's history", "Answer", headers=cookie)
    answer["content"]["text/event-stream"] = {"schema": {"type": "string", "description": _EVENTS}}
    chat = _operation(
        "chat",
        "Ask a question in this session",
        {"200": answer},
        "400 403 405 408 409 413 415 422 429 500 502 503 504",
        description="One turn, all or nothing: if it fails or the client goes away, nothing is stored.",
        requestBody={"required": True, "content": {"application/json": {"schema": _ref("Question")}}},
    )
    history = _operation(
        "getHistory",
        "What is stored of this session",
        {"200": _json("Oldest message first", "History", headers=cookie)},
        "405 500 503",
    )
    deletion = _operation(
        "deleteHistory",
        "Delete this session's history",
        {"200": _json("It is gone", "Cleared", headers=cookie)},
        "403 405 500 503",
        description="The session stays: the next question starts a new history in it.",
    )
    ready = {
        "200": _json("Turns can be answered and stored", "Health"),
        "503": _json("They cannot, as `store` and `library` say, or this process was told to stop", "Health"),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Crosswire",
            "version": "1.0.0",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/api/chat": {"post": chat},
            "/api/history": {"get": history, "delete": deletion},
            "/healthz": {"get": _operation("health", "Is the process alive?", {"200": _json("It is", "Alive")}, "405")},
            "/readyz": {"get": _operation("ready", "Can this server answer?", ready, "405")},
        },
        "components": {"schemas": _schemas()},
    }


def _operation(name: str, summary: str, answers: dict[str, Any], problems: str, **more: Any) -> dict[str, Any]:
    answers = {**answers, **{status: _problem(status) for status in problems.split()}}
    return {"operationId": name, "summary": summary, **more, "responses": answers}


def _schemas() -> dict[str, Any]:
    session = {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "SHA-256 of the cookie's token"}
    sources = {"type": "array", "items": _ref("Source")}
    text = {"type": "string"}
    state = {"type": "string", "enum": ["ok", "unavailable", "disk full"]}
    message = {"type": "string", "minLength": 1, "maxLength": LONGEST_MESSAGE, "pattern": MESSAGE_PATTERN}
    return {
        "Question": _object({"message": {**message, "examples": ["How long do I have to return a jacket?"]}}),
        "Answer": _object(
            {
                "answer": {"type": "string", "description": "With marks like [1] that name its sources"},
                "sources": sources,
                "question": {"type": "string", "description": "The self-contained question that was searched for"},
                "model": text,
                "turn": {"type": ["integer", "null"], "minimum": 1},
                "session": session,
                "session_name": {"type": "string", "description": "The same as on the pages, like Amber Otter"},
            }
        ),
        "Source": _object(
            {
                "number": {"type": "integer", "minimum": 1},
                "passage_id": text,
                "document_id": text,
                "title": text,
                "heading": text,
                "text": text,
                "score": {"type": "number"},
                "private": {"type": "boolean", "description": "From a document that only this session has"},
            }
        ),
        "History": _object(
            {
                "session": {**session, "type": ["string", "null"]},
                "session_name": {"type": ["string", "null"]},
                "ttl": {"type": ["number", "null"], "description": "Seconds until it expires, if nothing is asked"},
                "messages": {"type": "array", "items": _ref("Message")},
            }
        ),
        "Message": _object(
            {
                "role": {"type": "string", "examples": ["user", "assistant"]},
                "text": text,
                "turn": {"type": "integer"},
                "at": {"type": "string", "format": "date-time"},
                "sources": sources,
            }
        ),
        "Cleared": _object(
            {
                "cleared": {"type": "boolean", "description": "False: there were no messages to delete"},
                "documents_deleted": {
                    "type": "boolean",
                    "description": "False: they will be, within 30 s of the library's return",
                },
            }
        ),
        "Alive": _object({"status": {"type": "string", "enum": ["ok"]}}),
        "Health": _object(
            {
                "status": {"type": "string", "enum": ["ok", "degraded", "unavailable", "draining"]},
                "store": state,
                "library": state,
            }
        ),
        "Problem": _object(
            {
                "type": {"type": "string", "format": "uri"},
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
            }
        ),
    }


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "additionalProperties": False, "properties": properties}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(text: str, schema: str, **more: Any) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": _ref(schema)}}, **more}


def _problem(status: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": _PROBLEMS[status],
        "content": {MEDIA_TYPE: {"schema": _ref("Problem")}},
    }
    if status in _RETRY:
        answer["headers"] = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
    if status == "405":
        answer["headers"] = {"Allow": {"schema": {"type": "string"}}}
    return answer
