"""The packages themselves as targets: a compiled graph, a chain with a history, an MCP server."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing

import pytest
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from rag.crosstalk import Workload, simulate
from rag.crosstalk.targets import open_target
from rag.crosstalk.targets.recognise import recognised
from tests.crosstalk.targets.protocol_servers import told
from tests.web.serving import serving

MODULE = "tests.crosstalk.targets.langgraph_chat"
WORKLOAD = Workload(users=8, turns=3, seed=4, in_flight=4, think=0.002)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("graph", "isolated"), ("chain", "isolated"), ("parts", "isolated"), ("one_thread", "anomalies")],
)
def test_what_langchain_makes_is_asked_with_its_session(name: str, verdict: str) -> None:
    with closing(open_target(f"{MODULE}:{name}")) as target:
        result = simulate(target, WORKLOAD)
    assert result.problems == ()
    assert result.report.verdict == verdict, result.report.why


def test_a_prompt_is_given_its_variable() -> None:
    with closing(open_target(f"{MODULE}:prompted")) as target:
        assert target.call("a", "Hello") == "Human: You asked: Hello"


@pytest.mark.parametrize(("stateless", "json"), [(False, False), (False, True), (True, False), (True, True)])
def test_an_mcp_server_is_asked_through_its_tool(stateless: bool, json: bool) -> None:
    """Without sessions a history has no key, so that whoever keeps one in the server shares it among all."""
    said: dict[str | None, list[str]] = defaultdict(list)
    server = MCPServer("chat")

    @server.tool()
    def version() -> str:
        return "1"

    @server.tool()
    def ask(question: str, context: Context) -> str:
        session = (context.headers or {}).get("mcp-session-id")
        said[session].append(question)
        return told(said[session])

    with serving(server.streamable_http_app(stateless_http=stateless, json_response=json)) as address:
        protocol, description = recognised(f"{address}/mcp", 10)
        assert protocol is not None
        assert description.body["params"] == {"name": "ask", "arguments": {"question": "{text}"}}
        with closing(open_target(f"{address}/mcp", timeout=20)) as target:
            result = simulate(target, WORKLOAD)
    assert result.problems == ()
    assert result.report.verdict == ("anomalies" if stateless else "isolated"), result.report.why
