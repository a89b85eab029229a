"""Calls of the API that several tests make, and what every problem document must be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

STREAM = {"Accept": "text/event-stream"}

# The command, because schemathesis' pytest plugin does not work with pytest 9.
SCHEMATHESIS = [sys.executable, "-m", "schemathesis.cli", "run", "--no-color"]
SCHEMATHESIS += ["--max-examples=60", "--generation-deterministic", "--suppress-health-check=all"]


def ask(client: httpx.Client, message: str = "How long may I return it?", **options: Any) -> httpx.Response:
    return client.post("/api/chat", json={"message": message}, **options)


def events(client: httpx.Client, message: str = "How long?") -> list[tuple[str, dict[str, Any]]]:
    """The events of a streamed answer, comments left out."""
    answer = ask(client, message, headers=STREAM)
    assert answer.status_code == 200
    assert answer.text.endswith("\n\n")
    seen = []
    for block in answer.text.split("\n\n")[:-1]:
        if not block.startswith(":"):
            name, data = block.split("\n")
            seen.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return seen


def check_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "no-store" in answer.headers["cache-control"]
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"].startswith("urn:problem-type:crosswire:")
    assert "\n" not in problem["detail"]
    assert len(problem["detail"]) > 20
    return problem


def check_description(site: str, folder: Path) -> None:
    """Schemathesis finds nothing in what this server answers that is not in its description."""
    command = [*SCHEMATHESIS, f"{site}/api/openapi.json"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    assert "Tested: 5" in run.stdout, run.stdout
