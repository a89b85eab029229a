"""Nobody's text and no key is in any log of the whole suite: whatever a test logs is looked through when it ends, and
what an application in a process of its own has logged when that is stopped.
"""

from __future__ import annotations

import logging
import re

MARKS = re.compile(
    r"ORD-\d{5}|Beech Lane|Harbour Road|CW-4711|Wintersby"  # what people say in tests
    r"|[\w-]{43}(?:~\d+)*\.[\w-]{6}\.[\w-]{64}"  # a session's cookie
    r"|[\w-]{43}~\d+~\d+"  # what is signed in one
    r"|\bsk-[\w-]{8,}"  # a key of a model's provider
    r"|correct horse|a secret of at least|served-secret-",  # passwords and secrets of tests
    re.ASCII,
)


def harm(text: str) -> str:
    """The first that is found, empty if none is."""
    found = MARKS.search(text)
    return "" if found is None else found[0]


class Watch(logging.Handler):
    """On the root: what is logged by whomever. `found` are the harmful lines since it was last emptied."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:  # a record that cannot be written is another handler's matter
            return
        if mark := harm(text):
            self.found.append(f"{record.name}, line {record.lineno}: {mark!r}")

    def taken(self) -> list[str]:
        found, self.found = self.found, []
        return found
