"""A pasted curl command as a description: what it asks, with places for the question and the session in it.

No shell and no curl is run, and no file is read.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from rag.crosstalk.targets.description import GIVEN, SCHEMES
from rag.crosstalk.targets.errors import BadTarget
from rag.crosstalk.targets.filling import literal
from rag.crosstalk.targets.onboarding.bodies import WHERE, body
from rag.crosstalk.targets.onboarding.draft import Draft
from rag.crosstalk.targets.onboarding.fields import Fields
from rag.crosstalk.targets.onboarding.shell_words import words

SHORT = {
    **{"X": "request", "H": "header", "d": "data", "F": "form", "b": "cookie", "u": "user", "A": "user-agent"},
    **{"e": "referer", "m": "max-time", "o": "output", "x": "proxy", "c": "cookie-jar", "w": "write-out"},
    **{"G": "get", "T": "upload-file", "E": "cert", "K": "config"},
}
DATA = frozenset(("data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"))
UNUSED = frozenset(
    "user-agent referer max-time output proxy cookie-jar write-out connect-timeout retry retry-delay max-redirs cacert "
    "resolve interface limit-rate ciphers".split()
)
"""Options with a value that change nothing here."""
FLAGS = frozenset(
    "silent show-error location insecure include verbose no-buffer compressed fail globoff http1.0 http1.1 http2 http3 "
    "tlsv1.2 tlsv1.3 ipv4 ipv6 no-progress-meter progress-bar fail-with-body http2-prior-knowledge path-as-is "
    "tcp-nodelay location-trusted raw".split()
)
LETTERS = frozenset("sSLkivNfg046#21")
_LEFT_OUT = re.compile(
    r"(?:sec-[a-z-]{1,40}|host|content-length|connection|accept-encoding|accept-language|user-agent|priority|dnt|pragma"
    r"|cache-control|te|upgrade-insecure-requests|if-none-match)\Z"
)
_ID = re.compile(r"(?:[0-9a-fA-F-]{16,64}|[0-9]{6,40})\Z")


@dataclass(slots=True)
class _Request:
    url: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    form: dict[str, str] = field(default_factory=dict)
    json: bool = False
    get: bool = False


def is_curl(text: str) -> bool:
    return text.lstrip(" \t\r\n$>").startswith(("curl ", "curl.exe ", "curl\t", "curl\\", "curl\n"))


def from_curl(text: str) -> Draft:
    """Raises BadTarget with what cannot be read."""
    first, *rest = words(text.lstrip(" \t\r\n$>"), WHERE) or [""]
    if first not in ("curl", "curl.exe"):
        raise BadTarget(WHERE, "it does not begin with curl: in the browser's tools, choose “Copy as cURL”")
    request = _Request()
    _read(request, rest)
    return _drafted(request)


def _read(request: _Request, rest: list[str]) -> None:
    given = iter(rest)
    for word in given:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in FLAGS:
                continue
            _take(request, name, value if equals else _value(given, word) if name != "get" else "")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters and letters[0] in LETTERS:
                letters = letters[1:]
            if letters.startswith("G"):
                request.get = True
                letters = letters[1:]
            if letters:
                name = SHORT.get(letters[0], "")
                if not name:
                    raise BadTarget(WHERE, f"its option -{letters[0]} is not known here: leave it out")
                _take(request, name, letters[1:] or _value(given, word))
        elif request.url:
            raise BadTarget(
                WHERE, f"it has a second address, {word[:60]!r}: put quotation marks around what has blanks"
            )
        else:
            request.url = word


def _value(given: Any, option: str) -> str:
    value = next(given, None)
    if value is None:
        raise BadTarget(WHERE, f"it ends with {option}, whose value is missing: paste the whole command")
    return str(value)


def _take(request: _Request, name: str, value: str) -> None:
    if name == "url":
        request.url = value
    elif name == "get":
        request.get = True
    elif name == "request":
        request.method = value.upper()
    elif name == "header":
        _header(request, value)
    elif name == "cookie":
        _cookies(request, value)
    elif name == "user":
        request.headers["Authorization"] = f"Basic {base64.b64encode(value.encode()).decode()}"
    elif name in DATA:
        if value.startswith("@") and name != "data-raw":
            raise BadTarget(WHERE, f"it sends the file {value[:60]}: paste what is in it instead")
        request.json = request.json or name == "json"
        request.data.append(value)
    elif name in ("form", "form-string"):
        key, equals, text = value.partition("=")
        if not equals or (name == "form" and text.startswith(("@", "<"))):
            raise BadTarget(WHERE, f"its form field {value[:60]!r} is a file: expected --form name=text")
        request.form[key] = text
    elif name not in UNUSED:
        raise BadTarget(WHERE, f"its option --{name[:40]} is not known here: leave it out")


def _header(request: _Request, value: str) -> None:
    name, colon, text = value.partition(":")
    if not colon:
        raise BadTarget(WHERE, f"its header {value[:60]!r} has no colon: expected name: value")
    if name.strip().lower() == "cookie":
        _cookies(request, text)
    else:
        request.headers[name.strip()] = text.strip()


def _cookies(request: _Request, value: str) -> None:
    if "=" not in value:
        raise BadTarget(WHERE, f"its cookies are in the file {value[:60]!r}: write them as name=value")
    for part in value.split(";"):
        name, _, text = part.strip().partition("=")
        if name:
            request.cookies[name] = text


def _drafted(request: _Request) -> Draft:
    url = request.url if "://" in request.url else f"http://{request.url}"
    if not request.url or not url.startswith(SCHEMES):
        raise BadTarget(WHERE, f"its address is {request.url[:60]!r}: expected http://… or https://…")
    kind = next((text for name, text in request.headers.items() if name.lower() == "content-type"), "")
    parts, plain = dict[str, Any](), ""
    if request.form:
        parts = {"multipart": dict(request.form)}
    elif request.data and not request.get:
        parts, plain = body(request.data, kind, is_json=request.json)
    address = urlsplit(url)
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    if request.get:
        query |= dict(parse_qsl("&".join(request.data), keep_blank_values=True))
    parts |= {"query": query} if query else {}
    parts |= {"cookies": request.cookies} if request.cookies else {}
    parts = {name: literal(part, GIVEN) for name, part in parts.items()}
    fields = Fields(parts, WHERE)
    if plain:
        parts["text"] = plain if "{text}" in plain else "{text}"
    fields.mark()
    bare = urlunsplit((address.scheme, address.netloc, address.path, "", ""))
    values: dict[str, Any] = {"url": literal(bare, GIVEN)}
    method = request.method or ("POST" if {"json", "form", "text", "multipart"} & parts.keys() else "GET")
    if method not in ("POST", "GET", "PUT", "PATCH"):
        raise BadTarget(WHERE, f"its method is {method[:20]!r}: expected POST, GET, PUT or PATCH")
    if method != "POST":
        values["method"] = method
    dropped = {"content-type"} if "text" not in parts else set()
    headers = {
        name: text
        for name, text in request.headers.items()
        if not _LEFT_OUT.match(name.lower()) and name.lower() not in dropped
    }
    if headers:
        values["headers"] = literal(headers, GIVEN)
    values |= parts
    return Draft("From a curl command.", values, tuple(_notes(request, fields, address.path)))


def _notes(request: _Request, fields: Fields, path: str) -> list[str]:
    """What was recognised, and what would make all users one person."""
    notes = [f"The question is in {fields.question}."] if fields.question not in ("", "marked") else []
    if fields.session:
        notes.append(f"Of each user its own: {', '.join(fields.session)}.")
    for name in fields.empty:
        notes.append(
            f"{name} is empty: if the answer gives one, carry it over with keep: {{{name}: PATH}} and initially."
        )
    if found := next((part for part in path.split("/") if _ID.match(part)), ""):
        notes.append(
            f"The address holds an id ({found[:40]}), so all users would share it: write {{uuid}} there, or let "
            "`before` make one for each."
        )
    everybody = [name for name in request.headers if name.lower() in ("authorization", "x-api-key", "api-key")]
    cookies = [name for name, value in fields.parts.get("cookies", {}).items() if "{" not in value]
    everybody += [f"cookie {name}" for name in cookies]
    if everybody:
        notes.append(
            f"All users send the same {', '.join(everybody[:8])}: if the chat tells people apart by it, they are one "
            "person to it; give each their own (`users`)."
        )
    if not fields.session and not fields.empty:
        notes.append("Nothing in it names a session: users differ by the cookies that the chat gives them alone.")
    return notes
