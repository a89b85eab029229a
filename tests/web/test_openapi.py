"""The API keeps to its description: valid by the standard, complete, and true of the running server."""

from __future__ import annotations

from pathlib import Path

import httpx
import schemathesis
from starlette.applications import Starlette
from starlette.routing import Route

from rag.web.api import ApiFirst
from rag.web.openapi import description
from tests.web.calls import check_description
from tests.web.scripted import ScriptedServices


def test_every_answer_is_as_described(api_site: str, services: ScriptedServices, tmp_path: Path) -> None:
    check_description(api_site, tmp_path)


def test_it_is_valid_openapi() -> None:
    assert description()["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(description()).validate()


def test_it_is_served_to_everybody_and_not_personal(client: httpx.Client) -> None:
    answer = client.get("/api/openapi.json")
    assert answer.json() == description()
    assert answer.headers["content-type"] == "application/json"
    assert "set-cookie" not in answer.headers


def test_every_api_route_is_described() -> None:
    inner = ApiFirst(Starlette(), services=lambda: ScriptedServices().typed).api
    routes = [
        route.path for route in inner.routes if isinstance(route, Route) if not route.path.startswith("/session/")
    ]
    others = {"/v1/traces", "/metrics"}  # OTLP/HTTP and Prometheus' format, each described by its own standard
    paths = set(routes) - others - {"/api/openapi.json"}
    assert paths == set(description()["paths"])
