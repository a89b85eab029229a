"""Conversations in files, a line a message: the four methods of the OpenAI Agents SDK's `Session`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


class FileSession:
    """The file's name is a hash of the id, so no two ids share one, and no id can name another file."""

    def __init__(self, session_id: str, folder: str) -> None:
        self.session_id = session_id
        self.path = Path(folder) / f"{self.named(session_id)}.jsonl"

    def named(self, session_id: str) -> str:
        return hashlib.sha256(session_id.encode(errors="surrogatepass")).hexdigest()

    async def get_items(self, limit: int | None = None) -> list[Any]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in (lines[-limit:] if limit else lines)]

    async def add_items(self, items: list[Any]) -> None:
        with self.path.open("a") as file:
            file.write("".join(f"{json.dumps(item)}\n" for item in items))

    async def pop_item(self) -> Any:
        *rest, last = await self.get_items()
        self.path.write_text("".join(f"{json.dumps(item)}\n" for item in rest))
        return last

    async def clear_session(self) -> None:
        self.path.unlink(missing_ok=True)


class FoldingSession(FileSession):
    """As on a disk that knows no case: “Ada” and “ada” are one."""

    def named(self, session_id: str) -> str:
        return super().named(session_id.lower())
