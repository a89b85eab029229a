"""Phones and a presenter, as HTTP clients of a server with rooms and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx


class Phone:
    """One that has opened the room's address. `shown` is what it shows."""

    def __init__(self, site: str, code: str) -> None:
        self.client = httpx.Client(base_url=f"{site}/r/{code}", timeout=20)
        answer = self.client.post("/join", json={})
        self.shown: dict[str, Any] = answer.raise_for_status().json()
        self.token = str(self.shown["token"])
        self.client.headers["Authorization"] = f"Bearer {self.token}"

    @property
    def secret(self) -> str:
        return str(self.shown["you"]["secret"])

    @property
    def name(self) -> str:
        return str(self.shown["you"]["name"])

    def hello(self) -> None:
        self._take(self.client.post("/hello", json={}))

    def ask(self, key: str = "order") -> str:
        self._take(self.client.post("/ask", json={"key": key}))
        return str(self.shown["turns"][-1]["answer"])

    def look(self) -> dict[str, Any]:
        self._take(self.client.get("/state"))
        return self.shown

    def _take(self, answer: httpx.Response) -> None:
        self.shown = answer.raise_for_status().json()


def live(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """What a wall is told."""
    for line in answer.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))
