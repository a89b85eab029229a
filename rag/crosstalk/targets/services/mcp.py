"""Which tool of an MCP server (streamable HTTP) can be chatted with."""

from __future__ import annotations

from rag.crosstalk.targets.answers import at
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.http import HttpTarget
from rag.crosstalk.targets.trust import Trust


def chat_tool(found: Description, url: str, trust: Trust) -> tuple[str, str] | None:
    """Its name, and the name of the one text that it needs; None if no tool is like that.

    Raises TargetFailed where the server does not answer as MCP's do.
    """
    listed = found.model_copy(
        update={"url": url, "body": {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}, "answer": ""}
    )
    target = HttpTarget(listed, timeout=20, trust=trust)
    try:
        value = target.look("tools", listed)
    finally:
        target.close()
    for tool in at(value, "result.tools") or ():
        schema = at(tool, "inputSchema")
        properties = at(schema, "properties") or {}
        required = at(schema, "required") or list(properties)
        texts = [name for name in required if at(properties, f"{name}.type") == "string"]
        if len(required) == 1 and texts:
            return str(tool["name"]), texts[0]
    return None
