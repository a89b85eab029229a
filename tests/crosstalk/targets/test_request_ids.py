"""A server that routes answers by request id alone (CVE-2026-25536) is found: users number their own, as clients do."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import closing
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import open_target
from tests.crosstalk.targets.protocol_servers import Protocols
from tests.web.serving import serving


class OneTransport(Protocols):
    """An MCP server whose answers go to the first request that waits under their key."""

    def __init__(self, *, by_client: bool) -> None:
        super().__init__()
        self.by_client = by_client
        self.requests: list[tuple[str, Any]] = []
        self.replies: defaultdict[Any, list[asyncio.Future[Any]]] = defaultdict(list)

    async def mcp(self, request: Request) -> Response:
        body = await request.json()
        if body["method"] != "tools/call":
            return await super().mcp(request)
        session, number = request.headers["mcp-session-id"], body["id"]
        self.requests.append((session, number))
        key, reply = (session, number) if self.by_client else number, asyncio.get_running_loop().create_future()
        self.replies[key].append(reply)
        answer = self.say("mcp", session, text=body["params"]["arguments"]["question"])
        await asyncio.sleep(0.05 if len(self.requests) % 2 else 0.01)  # who asks first is not answered first
        content = [{"type": "text", "text": answer}]
        self.replies[key].pop(0).set_result({"jsonrpc": "2.0", "id": number, "result": {"content": content}})
        return JSONResponse(await reply)


@pytest.mark.parametrize("by_client", [False, True])
def test_equal_ids_of_two_clients(by_client: bool) -> None:
    server = OneTransport(by_client=by_client)
    app = Starlette(routes=[Route("/mcp", server.mcp, methods=["POST"])])
    with serving(app) as address, closing(open_target(f"{address}/mcp", timeout=20)) as target:
        result = simulate(target, Workload(users=10, turns=3, seed=4, in_flight=8))
    report = result.report
    assert report.verdict == ("isolated" if by_client else "anomalies"), report.why
    assert ("swapped-answer" in report.counts) != by_client
    assert len(set(server.requests)) == len(server.requests)  # within a session each id is its own
    assert len({number for _, number in server.requests}) < len(server.requests) / 2
    assert all(isinstance(number, int) for _, number in server.requests)
