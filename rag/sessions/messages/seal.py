"""Messages at rest, encrypted: AES-256-GCM, bound to session and message id.

A sealed text can be opened only for the session and the purpose that it was sealed for: moved elsewhere it does not
decrypt. The first key seals, every key opens. A text names its key by a fingerprint, so a key that is missing here is
told apart from a text that somebody changed.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rag.errors import SealBroken

_NONCE = 12
_MARK = "sealed:"


class Tampered(ValueError):
    """The key is right and the text is not: it was changed, or belongs to another session or message."""


class Seal:
    """Thread-safe. keys: of 32 bytes each, at least one, the one that seals first."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != 32 for key in keys):
            raise ValueError("a seal needs one or more keys of 32 bytes each")
        self._ciphers = {fingerprint(key): AESGCM(key) for key in keys}
        self.name = fingerprint(keys[0])
        self._first = self._ciphers[self.name]

    def close(self, text: bytes, bound_to: bytes) -> bytes:
        """Base64. What it is bound to has to be given again to open it."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(nonce + self._first.encrypt(nonce, text, bound_to))

    def open(self, name: str, box: str | bytes, bound_to: bytes, session_id: str) -> bytes:
        """Raises SealBroken if the key called `name` is not here, Tampered if the text is not what was sealed."""
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SealBroken(session_id, f"they were written with the key {name!s:.16}, which is not set")
        try:
            raw = _unboxed(box)
            return cipher.decrypt(raw[:_NONCE], raw[_NONCE:], bound_to)
        except (ValueError, InvalidTag) as exc:
            raise Tampered("it was changed, or sealed for another session") from exc


def _unboxed(box: str | bytes) -> bytes:
    raw = base64.b64decode(box, validate=True)
    if base64.b64encode(raw) != (box if isinstance(box, bytes) else box.encode()):
        raise ValueError("base64 of another spelling: bits that it leaves unused are set")
    return raw


def fingerprint(key: bytes) -> str:
    """Eight hexadecimal digits that name a key and do not help to find it."""
    return hashlib.sha256(b"crosswire key name\0" + key).hexdigest()[:8]


def close_field(seal: Seal | None, session_id: str, field: str, text: str) -> str:
    """A text of the session's hash (title, summary), as it is stored."""
    if seal is None or not text:
        return text
    box = seal.close(text.encode("utf-8", "surrogatepass"), _field_of(session_id, field))
    return f"{_MARK}{seal.name}:{box.decode()}"


def open_field(seal: Seal | None, session_id: str, field: str, stored: str) -> str:
    """Raises SealBroken if it cannot be opened with the keys at hand."""
    if not stored.startswith(_MARK):
        return stored
    name, _, box = stored.removeprefix(_MARK).partition(":")
    if seal is None:
        raise SealBroken(session_id, "no key is set")
    try:
        return seal.open(name, box, _field_of(session_id, field), session_id).decode("utf-8", "surrogatepass")
    except Tampered as exc:
        raise SealBroken(session_id, f"the {field} was changed") from exc


def _field_of(session_id: str, field: str) -> bytes:
    return f"{session_id}\0{field}".encode()
