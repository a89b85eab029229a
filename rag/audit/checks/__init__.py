"""The checks, by file. Importing this package registers them in the order of the report."""

from __future__ import annotations

from rag.audit.checks import (
    apart_calls,
    apart_ids,
    apart_shared,
    async_calls,
    bounded_turns,
    faithful,
    lasting_expiry,
    lasting_processes,
    lasting_server,
    whole_appends,
    whole_broken,
    whole_turns,
    whole_writers,
)
from rag.audit.checks.registry import CHECKS, LEVELS, Check

__all__ = [
    "CHECKS",
    "LEVELS",
    "Check",
    "apart_calls",
    "apart_ids",
    "apart_shared",
    "async_calls",
    "bounded_turns",
    "faithful",
    "lasting_expiry",
    "lasting_processes",
    "lasting_server",
    "whole_appends",
    "whole_broken",
    "whole_turns",
    "whole_writers",
]
