"""Log lines as JSON, one object a line, where LOG_FORMAT is `json`."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """`at`, `level`, `logger`, `message`, what a line's `fields` hold, and `error` with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", None)
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **(fields if isinstance(fields, dict) else {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def set_up(log_format: str) -> None:
    """`plain` leaves logging as it is. `json`: all of the process's lines to standard error, with one for each turn."""
    if log_format != "json":
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # uvicorn and Streamlit have handlers of their own, which would write their lines as they are.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("uvicorn", "streamlit"):
            logger = logging.getLogger(name)
            logger.handlers.clear()
            logger.propagate = True
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING)  # as without this: a turn has its line
    logging.getLogger("crosswire.turns").setLevel(logging.INFO)
