"""The server-side scripts, of lua/: each is one round trip, and nothing comes between its check and its act.

A file names its KEYS, ARGV and reply at its head; `--include part_…` stands for what several have in common.

Whoever runs them on a cluster gives no index keys (live, ends, counts, audit); see index_entries.py.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

AUDIT_ENTRIES = 10_000
RETRIED = 64
"""A commit that is asked for again is recognised among so many of the newest messages."""
PATIENCE = 2000
"""Milliseconds. A waiter that has not asked for so long is dead, and the next one's turn comes."""
TRACES = 20
"""Of the newest turns, so many traces are kept with a session."""
SESSION_VERSION = 1
"""Of what a session's keys hold beside its messages; in its hash as `v`, left out for 1."""
MOST_TTL = 10 * 365 * 86_400
"""Seconds. A server's clock in milliseconds has to have room for it; what is to stay for ever is pinned."""

_NUMBERS = {
    "AUDIT_ENTRIES": AUDIT_ENTRIES,
    "RETRIED": RETRIED,
    "PATIENCE": PATIENCE,
    "MOST_TTL": MOST_TTL,
    "TRACES": TRACES,
    "SESSION_VERSION": SESSION_VERSION,
}
_FOLDER = Path(__file__).parent / "lua"


class Script:
    """`source`, and `sha`: its name on the server."""

    def __init__(self, source: str) -> None:
        for name, value in _NUMBERS.items():
            source = source.replace(name, str(value))
        self.source = source
        self.sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


def _source(name: str) -> str:
    lines = (_FOLDER / f"{name}.lua").read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(_source(line.split()[1]) if line.startswith("--include ") else line for line in lines)


READ, BEGIN, COMMIT, RENEW, RELEASE = map(Script, map(_source, ("read", "begin", "commit", "renew", "release")))
CLEAR, LIVE, SUMMARY, ABOUT = map(Script, map(_source, ("clear", "live", "summary", "about")))
QUARANTINE, REPAIR, CHARGE, ENDED = map(Script, map(_source, ("quarantine", "repair", "charge", "ended")))
