"""`GET /metrics` in Prometheus' text format: figures of this process, and of the deployment what Redis counts.

Nothing in it is anybody's, but how busy a server is concerns whoever runs it: it is told to who has METRICS_TOKEN, or,
where none is set, to programs on this machine.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from rag.errors import CrosswireError
from rag.probe import results
from rag.services import Services
from rag.web.origin import direct_from_this_machine
from rag.web.problem import PRIVATE, Problem, Refused
from rag.web.traces import bears

METRICS = "/metrics"
PROBED = {"isolated": 0, "anomalies": 1, "unknown": -1}
_ELSEWHERE = Problem(403, "Metrics are not shown", "Set METRICS_TOKEN on this server to read them from elsewhere.")
_WRONG = Problem(401, "Wrong token", "Send the server's METRICS_TOKEN as `Authorization: Bearer …`.")


class Metrics:
    """services: called in worker threads, for each request."""

    def __init__(self, services: Callable[[], Services]) -> None:
        self._services = services

    async def answer(self, request: Request) -> Response:
        services = await run_in_threadpool(self._services)
        token = services.settings.metrics_token
        if token is not None:
            if not bears(request.headers.get("authorization", ""), token.get_secret_value()):
                raise Refused(_WRONG)
        elif not direct_from_this_machine(request.headers, request.client.host if request.client else None):
            raise Refused(_ELSEWHERE)
        body = await run_in_threadpool(_written, services)
        return Response(body, headers={**PRIVATE, "Content-Type": CONTENT_TYPE_LATEST})


def _written(services: Services) -> bytes:
    return generate_latest(services.watch.metrics.registry) + generate_latest(_deployment(services))


def _deployment(services: Services) -> CollectorRegistry:
    """Of all processes on this Redis together. Without it, `crosswire_store_up` is 0 and the rest is left out."""
    registry = CollectorRegistry()
    up = Gauge("crosswire_store_up", "Whether Redis answered.", registry=registry)
    try:
        live, counts = services.store.directory.count(), services.store.audit.counts()
        probes = results(services, 60)
    except (CrosswireError, RedisError):
        up.set(0)
        return registry
    up.set(1)
    for name, told, number in (
        ("crosswire_live_sessions", "Live sessions of this Redis.", live),
        ("crosswire_quarantined_elements", "Stored elements that were not shown.", counts["quarantined"]),
        ("crosswire_foreign_elements", "Of them, another session's.", counts["crosstalk"]),
    ):
        Gauge(name, told, registry=registry).set(number)
    if probes:
        told = "The newest canary probe: 0 stayed apart, 1 cross-talk, -1 cannot be told."
        Gauge("crosswire_probe_crosstalk", told, registry=registry).set(PROBED[probes[0].verdict])
        told = "Of the newest 60 canary probes, those that found cross-talk."
        found = sum(probe.verdict == "anomalies" for probe in probes)
        Gauge("crosswire_probes_with_crosstalk", told, registry=registry).set(found)
        told = "When the newest canary probe was made."
        Gauge("crosswire_probe_timestamp_seconds", told, registry=registry).set(probes[0].at)
    return registry
