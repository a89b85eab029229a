"""A description that somebody edits on a page: read within a visitor's bounds, and with what a probe found put in."""

from __future__ import annotations

from urllib.parse import urlsplit

import yaml

from rag.crosstalk.targets.describing import parsed
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.errors import BadTarget
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.trust import Trust

WHERE = "The description"


def read(text: str, trust: Trust) -> Description:
    """It has to name its address itself. Raises BadTarget with what is wrong and where."""
    found = parsed(text, WHERE, trust=trust)
    # What a report names may be shown and kept; a query or a password in the address may not.
    return found.model_copy(update={"name": shown_address(found.url)})


def target(text: str, trust: Trust) -> HttpTarget:
    """Raises BadTarget."""
    return HttpTarget(read(text, trust), trust=trust)


def shown_address(url: str) -> str:
    to = urlsplit(url)
    return f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}"[:200]


def answering(text: str, path: str, trust: Trust) -> str:
    """The text with the place of the answer in it, comments kept; as it is where that cannot be done in one line."""
    lines = text.splitlines()
    there = [number for number, line in enumerate(lines) if line.startswith("answer:")]
    line = f"answer: {yaml.safe_dump(path, allow_unicode=True, width=10_000).splitlines()[0]}"
    changed = [*lines[: there[0]], line, *lines[there[0] + 1 :]] if there else [*lines, line]
    found = "\n".join(changed) + "\n"
    try:
        filled = read(found, trust)
    except BadTarget:
        return text
    return text if filled.then else found
