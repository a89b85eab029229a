"""One-time links that open the inspector where neither a password nor a login is set, as Jupyter does it.

That somebody sits at the server's machine is nothing that a connection can show: a proxy there makes everybody local,
and each header is the client's word. To read the server's output, or to run a command in its folder, one has to be
there. A link holds 256 random bits behind its `#`, so no request line, log or Referer has them. STATE_DIR keeps their
hash; whoever brings the bits first takes it away, and of several processes exactly one can.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path

from rag.errors import BadSetting

PATH = "/inspector-link"
LIFETIME = 24 * 3600
"""Seconds in which a link can be used."""
FOLDER = "inspector_links"


def issue(state_dir: Path) -> str:
    """The secret of a new link. Raises BadSetting if STATE_DIR cannot be written."""
    folder = state_dir / FOLDER
    token = secrets.token_urlsafe(32)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in folder.iterdir():
            if _has_run_out(old):
                old.unlink(missing_ok=True)
        (folder / _hash(token)).touch(mode=0o600)
    except OSError as exc:
        raise BadSetting("STATE_DIR", str(state_dir), f"a folder that can be written to ({exc.strerror})") from exc
    return token


def redeem(state_dir: Path, token: str) -> bool:
    """Whether this is the secret of a link that nobody has used. After that it is used.

    It is looked up by its hash, so how long that takes says nothing about a secret that is nearly right.
    """
    kept = state_dir / FOLDER / _hash(token)
    try:
        good = not _has_run_out(kept)
        kept.unlink()
    except FileNotFoundError:
        return False
    return good


def address(base: str, token: str) -> str:
    """The link. base: where a browser finds the app, like http://localhost:8501."""
    return f"{base.rstrip('/')}{PATH}#{token}"


def _has_run_out(kept: Path) -> bool:
    return time.time() - kept.stat().st_mtime > LIFETIME


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
