"""What a curl command sends: JSON, the fields of a form, its parts, or a plain text."""

from __future__ import annotations

import json
from email.message import Message
from email.parser import HeaderParser
from typing import Any
from urllib.parse import parse_qsl

from rag.crosstalk.targets.answers import parsed
from rag.crosstalk.targets.errors import BadTarget

WHERE = "The curl command"
_BROKEN = "its parts cannot be told apart by the boundary that its content-type names: paste the whole command"


def body(data: list[str], kind: str, *, is_json: bool) -> tuple[dict[str, Any], str]:
    """As json, form or multipart; or as a plain text. kind: the content-type, as it is written. Raises BadTarget."""
    if kind.lower().startswith("multipart/form-data"):
        return {"multipart": _parts("".join(data), kind)}, ""
    sent = ("" if is_json else "&").join(data)
    if is_json or "json" in kind.lower() or sent.lstrip().startswith(("{", "[")):
        try:
            value = parsed(sent)
        except ValueError as exc:
            problem = exc.msg if isinstance(exc, json.JSONDecodeError) else str(exc)
            raise BadTarget(WHERE, f"its data is not JSON ({problem}): check its quotation marks") from exc
        return {"json": value}, ""
    pairs = parse_qsl(sent, keep_blank_values=True)
    if pairs and "text/plain" not in kind.lower():
        return {"form": dict(pairs)}, ""
    return {}, sent


def _parts(sent: str, kind: str) -> dict[str, str]:
    """As a browser's tools copy them: each part with headers of its own."""
    boundary = _header(f"Content-Type: {kind}").get_param("boundary")
    before, *parts = sent.split(f"--{boundary}") if isinstance(boundary, str) and boundary else [sent]
    if before.strip() or len(parts) < 2 or parts[-1].strip() != "--":
        raise BadTarget(WHERE, _BROKEN)
    return dict(map(_part, parts[:-1]))


def _part(part: str) -> tuple[str, str]:
    head, _, content = part.replace("\r\n", "\n").removeprefix("\n").partition("\n\n")
    headers = _header(head)
    name = headers.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise BadTarget(WHERE, _BROKEN)
    if headers.get_filename() is not None:
        raise BadTarget(
            WHERE, f"its part {name[:60]!r} is a file: send it with `upload`, and paste a question without it"
        )
    return name, content.removesuffix("\n")


def _header(text: str) -> Message:
    return HeaderParser().parsestr(text)
