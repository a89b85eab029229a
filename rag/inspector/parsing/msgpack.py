"""MessagePack, read tolerantly: as much of it as LangGraph's checkpoints are, without their classes being there.

https://github.com/msgpack/msgpack/blob/master/spec.md. LangGraph writes a message as an extension (code 0 to 6, see
langgraph/checkpoint/serde/jsonplus.py) around `(module, class, arguments, method)`: it is read as the dictionary of
arguments, with its class as `type` if they name none. Nothing is imported and nothing is called.
"""

from __future__ import annotations

import struct
from typing import Any

DEEPEST = 64
MOST = 1_000_000
"""Values in one text."""

_FIXED = {
    **{0xCA: (">f", 4), 0xCB: (">d", 8), 0xCC: (">B", 1), 0xCD: (">H", 2), 0xCE: (">I", 4), 0xCF: (">Q", 8)},
    **{0xD0: (">b", 1), 0xD1: (">h", 2), 0xD2: (">i", 4), 0xD3: (">q", 8)},
}
_SIZED = {  # code: (what follows, bytes of its length)
    **{0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xC7: ("ext", 1), 0xC8: ("ext", 2), 0xC9: ("ext", 4)},
    **{0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4)},
    **{0xDC: ("array", 2), 0xDD: ("array", 4), 0xDE: ("map", 2), 0xDF: ("map", 4)},
}
_SMALL = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}
_CLASSES = range(7)


def unpacked(data: bytes) -> Any:
    """The value. Raises ValueError for what is none, or is nested deeper than 64."""
    reader = _Reader(data)
    try:
        return reader.value(0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as exc:
        raise ValueError(f"no MessagePack: {exc}") from exc


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._left = MOST

    def value(self, depth: int) -> Any:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise ValueError("MessagePack that is too deep or too long")
        code = self._take(1)[0]
        if code < 0x80 or code >= 0xE0:
            return code if code < 0x80 else code - 0x100
        if code < 0x90:
            return self._map(code & 0x0F, depth)
        if code < 0xA0:
            return [self.value(depth + 1) for _ in range(code & 0x0F)]
        if code < 0xC0:
            return self._take(code & 0x1F).decode("utf-8", "surrogatepass")
        if code in _FIXED:
            form, size = _FIXED[code]
            return struct.unpack(form, self._take(size))[0]
        if code in _SMALL:
            return self._extension(_SMALL[code], depth)
        if code in _SIZED:
            kind, size = _SIZED[code]
            return self._sized(kind, int.from_bytes(self._take(size), "big"), depth)
        return {0xC0: None, 0xC2: False, 0xC3: True}.get(code)

    def _sized(self, kind: str, length: int, depth: int) -> Any:
        match kind:
            case "bin":
                return self._take(length)
            case "str":
                return self._take(length).decode("utf-8", "surrogatepass")
            case "array":
                return [self.value(depth + 1) for _ in range(length)]
            case "map":
                return self._map(length, depth)
            case _:
                return self._extension(length, depth)

    def _map(self, length: int, depth: int) -> dict[str, Any]:
        return {str(self.value(depth + 1)): self.value(depth + 1) for _ in range(length)}

    def _extension(self, length: int, depth: int) -> Any:
        code, data = self._take(1)[0], self._take(length)
        if code not in _CLASSES:
            return None
        inner = _Reader(data)
        inner._left = self._left
        made = inner.value(depth + 1)
        self._left = inner._left
        if not isinstance(made, list) or len(made) < 3:
            return made
        _, name, arguments, *_ = made
        if isinstance(arguments, dict):
            return {"type": name, **arguments}
        return arguments

    def _take(self, length: int) -> bytes:
        found = self._data[self._at : self._at + length]
        if len(found) < length:
            raise ValueError("MessagePack that ends early")
        self._at += length
        return found
