"""Black boxes: chats of others, asked through their own door. Their users differ by cookies and session ids alone."""

from __future__ import annotations

from pathlib import Path

from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.describing import read_description
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.errors import BadTarget, TargetFailed
from rag.crosstalk.targets.function import FunctionTarget
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.recognise import recognised

__all__ = ["BadTarget", "Description", "TargetFailed", "open_described", "open_target"]


def open_target(text: str, spec: Path | None = None, *, timeout: float = 60.0) -> Target:
    """`http://…`, `https://…`, `ws://…` or `package.module:name`. spec: a YAML file that says how to ask an endpoint.

    Raises BadTarget for what cannot be one, and TargetFailed for an endpoint that does not answer.
    """
    if text.startswith(("http://", "https://", "ws://", "wss://")):
        description = read_description(spec, text) if spec else recognised(text, timeout)[1]
        return HttpTarget(description, timeout=timeout)
    if spec is not None:
        raise BadTarget(str(spec), f"it describes an HTTP endpoint, and the target is {text!r}: expected http://…")
    return FunctionTarget(text)


def open_described(spec: Path, *, timeout: float = 60.0) -> HttpTarget:
    """A chat of which the file also tells the address. Raises BadTarget."""
    return HttpTarget(read_description(spec, ""), timeout=timeout)
