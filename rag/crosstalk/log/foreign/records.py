"""A file as JSON values, one at a time: one a line, or one document in many lines. Bounded in size and depth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from rag.crosstalk.log.events import FORMAT
from rag.errors import CrosswireError

LINE = 64 << 20
WHOLE = 256 << 20
"""Bytes of a line, and of a document that has to be read as a whole."""
LARGEST = 1 << 30
"""Bytes of a file."""
EXPECTED = (
    "Expected an operation log (JSON Lines, an object with a key 'event' a line) or an export of Langfuse, LangSmith "
    f"or OpenTelemetry GenAI spans, as JSON or JSON Lines; see {FORMAT}."
)
_OTHERS = (
    (b"PAR1", "a Parquet file: export it as JSON Lines"),
    (b"\x1f\x8b", "compressed: unpack it first"),
    (b"PK\x03\x04", "compressed: unpack it first"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"<", "XML or HTML"),
)
Progress = Callable[[int], None]
"""Called with how many bytes have been read."""


class UnreadableLog(CrosswireError):
    """A file that cannot be read as a log. name: of the file; reason: half a sentence; then what was expected."""

    def __init__(self, name: str, reason: str, expected: str = EXPECTED) -> None:
        super().__init__(f"{name} cannot be checked: {reason}. {expected}".strip())


def values(file: IO[bytes], name: str, progress: Progress = lambda _: None) -> Iterator[Any]:
    """From the beginning of the file. A list gives what is in it, one by one. Raises UnreadableLog."""
    file.seek(0)
    number, done, begun = 0, 0, False
    while line := file.readline(LINE + 1):
        number, done = number + 1, done + len(line)
        if len(line) > LINE:
            raise UnreadableLog(name, f"line {number} is longer than {LINE >> 20} MB")
        if done > LARGEST:
            raise UnreadableLog(name, f"it has more than {LARGEST >> 20} MB: split it by session", "")
        told = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
        if not told:
            continue
        if not begun and (other := _other(told)):
            raise UnreadableLog(name, f"it is {other}")
        try:
            value = json.loads(told)
        except (ValueError, RecursionError) as exc:
            if begun:
                raise UnreadableLog(name, f"line {number} is not JSON ({_why(exc)})") from None
            yield from _whole(file, name, exc)
            return
        begun = True
        yield from value if isinstance(value, list) else (value,)
        progress(done)


def _whole(file: IO[bytes], name: str, exc: Exception) -> Iterator[Any]:
    """One document, or several with white space between them."""
    size = file.seek(0, 2)
    if isinstance(exc, RecursionError):
        raise UnreadableLog(name, "it is nested too deeply")
    if size > WHOLE:
        raise UnreadableLog(name, f"as one JSON document it may have {WHOLE >> 20} MB, it has {size >> 20}")
    file.seek(0)
    decoder, at = json.JSONDecoder(), 0
    try:
        text = file.read(WHOLE).decode("utf-8-sig")
        while (at := _next(text, at)) < len(text):
            value, at = decoder.raw_decode(text, at)
            yield from value if isinstance(value, list) else (value,)
    except (ValueError, RecursionError) as wrong:
        where = f"line {wrong.lineno} " if isinstance(wrong, json.JSONDecodeError) and at else "it "
        raise UnreadableLog(name, f"{where}is not JSON ({_why(wrong)})") from None


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _other(told: bytes) -> str:
    """What it is by its first line, if that is surely no JSON."""
    for begins, other in _OTHERS:
        if told.startswith(begins):
            return other
    if told[:1] not in b'{["-0123456789tfnNI' and told.count(b",") + told.count(b"\t") + told.count(b";") > 1:
        return "a table (CSV): export it as JSON or JSON Lines"
    return "a table (CSV): export it as JSON or JSON Lines" if told[:1] == b'"' and told.count(b'","') else ""


def _why(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return exc.msg
    return "nested too deeply" if isinstance(exc, RecursionError) else "not UTF-8 or a number too long"
