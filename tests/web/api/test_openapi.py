"""The API keeps to its description: valid by the standard, and complete. That answers keep to it, see test_api_real."""

from __future__ import annotations

import httpx
import schemathesis
from starlette.applications import Starlette
from starlette.routing import Route

from rag.web.api import ApiFirst
from rag.web.openapi import description
from tests.web.scripted import ScriptedServices


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
