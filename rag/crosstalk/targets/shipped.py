"""The descriptions that come with Crosswire, one a protocol, and how an address shows which one it needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from rag.crosstalk.targets.describing import parsed
from rag.crosstalk.targets.description import Description
from rag.crosstalk.targets.errors import BadTarget
from rag.crosstalk.targets.trust import OWNER, Trust

FOLDER = Path(__file__).with_name("descriptions")


@dataclass(frozen=True, slots=True)
class Shipped:
    """ending: what a turn's address ends with; the description's own address begins before it. inside: it may stand
    anywhere. whole: so it may, and the address is the one that is given."""

    name: str
    title: str
    ending: str = ""
    inside: bool = False
    whole: bool = False

    def base(self, url: str) -> str | None:
        """What the description's addresses are relative to; None if this address is another one's."""
        path = urlsplit(url).path.rstrip("/")
        if not self.ending or not (self.ending in path if self.inside or self.whole else path.endswith(self.ending)):
            return None
        return url if self.whole else f"{url.rpartition(self.ending)[0]}/"

    def text(self) -> str:
        return (FOLDER / f"{self.name}.yaml").read_text(encoding="utf-8")

    def values(self) -> dict[str, Any]:
        """As they are written, with the names of variables in them."""
        values = yaml.safe_load(self.text())
        return values if isinstance(values, dict) else {}

    def description(self, base: str, trust: Trust = OWNER) -> Description:
        """base: an address that ends with a slash, or the whole one."""
        return parsed(self.text(), base, base, optional=True, trust=trust)


SHIPPED = (
    Shipped("openai-responses", "OpenAI Responses", "/v1/responses"),
    Shipped("open-webui", "Open WebUI", "/api/chat/completions"),
    Shipped("openai-chat", "OpenAI chat completions", "/v1/chat/completions"),
    Shipped("dify", "Dify", "/v1/chat-messages"),
    Shipped("flowise", "Flowise", "/api/v1/prediction/", whole=True),
    Shipped("n8n", "n8n", "/webhook/", whole=True),
    Shipped("langserve", "LangServe", "/invoke"),
    Shipped("langserve-stream", "LangServe, streamed", "/stream"),
    Shipped("langgraph", "LangGraph server", "/threads", inside=True),
    Shipped("gradio", "Gradio", "/gradio_api/call/", whole=True),
    Shipped("ollama", "Ollama"),
    Shipped("crosswire", "Crosswire"),
    Shipped("mcp", "MCP server", "/mcp", whole=True),
    Shipped("websocket", "websocket"),
    Shipped("chainlit", "Chainlit"),
    Shipped("login", "a service with a login"),
)
_BY_NAME = {one.name: one for one in SHIPPED}


def shipped(name: str) -> Shipped:
    """Raises BadTarget."""
    if name not in _BY_NAME:
        raise BadTarget(name, f"no such description comes along: expected one of {', '.join(_BY_NAME)}")
    return _BY_NAME[name]
