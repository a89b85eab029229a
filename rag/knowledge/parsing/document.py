"""What a document is once it has been read, and how it travels between the process that reads and the one that asks.

A message is a row of frames: eight bytes of length, then so many bytes. Only JSON and text, never pickled objects: the
process that reads is not trusted. No frame is so large that decoding it would hold up the other threads of a server.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import orjson

from rag.knowledge.parsing.limits import MAX_CHARACTERS

MAX_FRAME = 4 * MAX_CHARACTERS
_TOGETHER = 200
_LENGTH = struct.Struct(">Q")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage's text and the headings above it, joined by " > " (the title left out)."""

    heading: str
    text: str

    def embedded(self, title: str, keywords: tuple[str, ...]) -> str:
        """What is compared with a question: the text in its place."""
        place = " > ".join(part for part in (title, self.heading) if part)
        return "\n".join(part for part in (place, ", ".join(keywords), self.text) if part)


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A file's readable text and its passages. `asked` are the customers' questions that it says it answers."""

    title: str
    keywords: tuple[str, ...]
    asked: tuple[str, ...]
    text: str
    chunks: tuple[Chunk, ...]

    def frames(self) -> Iterator[bytes]:
        """What `received` reads."""
        yield orjson.dumps([self.title, self.keywords, self.asked])
        yield self.text.encode()
        for start in range(0, len(self.chunks), _TOGETHER):
            yield orjson.dumps([(chunk.heading, chunk.text) for chunk in self.chunks[start : start + _TOGETHER]])
        yield b""


def received(head: bytes, stream: IO[bytes]) -> ParsedDocument:
    """The document whose first frame is `head`. Raises EOFError or ValueError for anything else."""
    title, keywords, asked = orjson.loads(head)
    text = receive(stream).decode()
    chunks: list[Chunk] = []
    while frame := receive(stream):
        chunks += [Chunk(heading, text) for heading, text in orjson.loads(frame)]
    return ParsedDocument(title, tuple(keywords), tuple(asked), text, tuple(chunks))


def send(stream: IO[bytes], frame: bytes) -> None:
    """Write one frame; the caller flushes. Raises OSError when nobody reads."""
    stream.write(_LENGTH.pack(len(frame)))
    stream.write(frame)


def receive(stream: IO[bytes]) -> bytes:
    """Read one frame. Raises EOFError when the other side is gone, ValueError when it sends no frames."""
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    if length > MAX_FRAME:
        raise ValueError("a frame of this length was never sent")
    return _exactly(stream, length)


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
