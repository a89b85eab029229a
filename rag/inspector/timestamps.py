"""Times that strangers wrote down: any number, and only some of them are a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime

LAST = 1e11
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?")


def moment(at: float) -> datetime | None:
    """at: epoch seconds; None for what is no time between 1970 and 5138."""
    return datetime.fromtimestamp(at, UTC) if 0 < at < LAST else None


def shown(at: float) -> str:
    """ISO 8601 in seconds, empty for none."""
    found = moment(at)
    return found.isoformat(timespec="seconds") if found else ""


def seconds(value: object) -> float:
    """Of whatever was stored as a time; 0 if it is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return 0.0


def instant(value: object) -> float:
    """Epoch seconds of a number of seconds or milliseconds, or of a text with one or in ISO 8601; 0 for none."""
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return _of_text(value)
        value = float(value)
    at = seconds(value)
    # Seconds have ten digits for the next two centuries, and milliseconds thirteen.
    return at / 1000 if at > LAST else at


def _of_text(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
