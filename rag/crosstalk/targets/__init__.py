"""Black boxes: chats of others, asked through their own door. Their users differ by cookies and session ids alone."""

from __future__ import annotations

from pathlib import Path

from rag.crosstalk.run.hosts import Target
from rag.crosstalk.targets.endpoint import Endpoint, read_endpoint, recognised
from rag.crosstalk.targets.errors import BadTarget, TargetFailed
from rag.crosstalk.targets.function import FunctionTarget
from rag.crosstalk.targets.http import HttpTarget

__all__ = ["BadTarget", "Endpoint", "TargetFailed", "open_target"]


def open_target(text: str, spec: Path | None = None, *, timeout: float = 60.0) -> Target:
    """`http://…`, `https://…` or `package.module:callable`. spec: a YAML file that says how to ask an endpoint.

    Raises BadTarget for what cannot be one, and TargetFailed for an endpoint that does not answer.
    """
    if text.startswith(("http://", "https://")):
        return HttpTarget(read_endpoint(spec, text) if spec else recognised(text, timeout), timeout=timeout)
    if spec is not None:
        raise BadTarget(str(spec), f"it describes an HTTP endpoint, and the target is {text!r}: expected http://…")
    return FunctionTarget(text)
