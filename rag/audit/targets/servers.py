"""The servers that some stores need: where they are is told by the environment, for whoever runs the audit has them."""

from __future__ import annotations

import hashlib
import os

EXAMPLES = {
    "AUDIT_REDIS_URL": "redis://localhost:6379/0",
    "AUDIT_POSTGRES_URL": "postgresql://user:password@localhost:5432/postgres",
}


def server_url(variable: str) -> str:
    """The address that it holds. Raises LookupError if it is not set."""
    found = os.environ.get(variable, "")
    if not found:
        raise LookupError(f"Set {variable} to a server that may be written to, like {EXAMPLES[variable]}")
    return found


def driven_by(driver: str) -> str:
    """The PostgreSQL address as SQLAlchemy wants it. Raises LookupError if there is none."""
    return server_url("AUDIT_POSTGRES_URL").replace("postgresql://", f"postgresql+{driver}://", 1)


def own_prefix(folder: str, prefix: str) -> str:
    """Where keys begin with it, the store of a folder is apart from that of another one on the same server."""
    return f"{prefix}audit-{hashlib.sha256(folder.encode()).hexdigest()[:12]}:"
