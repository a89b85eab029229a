"""The key that signs cookies. All processes that share a STATE_DIR sign with the same one, whoever comes first."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from rag.errors import BadSetting
from rag.settings import Settings

FILE = "session_secret"
SHORTEST = 32


def session_secret(settings: Settings) -> str:
    """SESSION_SECRET, or else the one in STATE_DIR, which is made on first use. Raises BadSetting."""
    if settings.session_secret is not None:
        return settings.session_secret.get_secret_value()
    path = settings.state_dir / FILE
    try:
        secret = _read(path) or _create(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise BadSetting("STATE_DIR", str(settings.state_dir), f"a folder that can be written to ({exc})") from exc
    if len(secret) < SHORTEST:
        raise BadSetting(str(path), f"{len(secret)} characters", f"{SHORTEST} or more; delete it to get a new one")
    return secret


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None


def _create(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
        # A link appears whole and never replaces another, so the first process wins and all others read its key.
        with suppress(FileExistsError):
            os.link(draft, path)
        return path.read_text(encoding="ascii").strip()
    finally:
        draft.unlink(missing_ok=True)
