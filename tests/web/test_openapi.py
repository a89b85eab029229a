"""The API keeps to its description: valid by the standard, complete, and true of the running server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import schemathesis

from rag.web.api import routes
from rag.web.openapi import description
from tests.web.scripted import ScriptedServices

SCHEMATHESIS = [sys.executable, "-m", "schemathesis.cli", "run", "--no-color"]
SCHEMATHESIS += ["--max-examples=60", "--generation-deterministic", "--suppress-health-check=all"]


def test_every_answer_is_as_described(api_site: str, services: ScriptedServices, tmp_path: Path) -> None:
    # The command, because schemathesis' pytest plugin does not work with pytest 9.
    run = subprocess.run(
        [*SCHEMATHESIS, f"{api_site}/api/openapi.json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
    assert "Tested: 4" in run.stdout, run.stdout


def test_it_is_valid_openapi() -> None:
    assert description()["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(description()).validate()


def test_it_is_served_to_everybody_and_not_personal(client: httpx.Client) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.json() == description()
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers


def test_every_api_route_is_described() -> None:
    inner = getattr(routes(ScriptedServices)[0], "app")  # noqa: B009
    paths = {route.path for route in inner.routes} - {"/api/openapi.json", "/session/new"}
    assert paths == set(description()["paths"])
