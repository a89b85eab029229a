"""Levels made of what was reported of real systems; the last one is the incident of March 2023."""

from __future__ import annotations

from rag.crosstalk.explore.scenes import Scene
from rag.ui.race.levels.goals import Level, leak, lost

HUB = "https://github.com"


def _on_github(*reports: str) -> tuple[tuple[str, str], ...]:
    """Of `owner/name#number`."""
    return tuple((one, f"{HUB}/{one.replace('#', '/issues/')}") for one in reports)


REPORTS = {
    "worker": Level(
        "A context variable holds the user, and nobody resets it. Whoever comes next on the same worker is taken for "
        "the first one.",
        "context-variable",
        Scene(),
        (leak("No race is needed: let Ada finish before Ben begins."),),
        "Set it for every request, or reset it in a finally. Better: hand the session id down as an argument.",
        asks=("AABBBA",),
        title="A worker remembers its first user",
        reports=_on_github("ogx-ai/ogx#5221"),
    ),
    "chain": Level(
        "One cached chain serves all browsers. Histories are kept apart, but *which* session is meant is an attribute "
        "of the chain.",
        "cached-chain",
        Scene(),
        (leak("Ben sets his session. Before he loads, let Ada set hers and store a turn."),),
        "Whose history it is belongs in the call, not on an object that all calls share.",
        asks=("AAABBBBBAA",),
        title="One chain for all browsers",
        reports=_on_github("FlowiseAI/Flowise#1497", "infiniflow/ragflow#11697", "streamlit/streamlit#5581"),
    ),
    "overwrite": Level(
        "A session is one value in Redis: a turn reads it, asks the model, and writes it back. **One** person has two "
        "tabs open.",
        "redis-get-set",
        Scene(tabs=True),
        (lost("Let both tabs read before either writes."),),
        "Append instead of writing the whole back, and hold the session for the length of the turn.",
        asks=("AAABBB",),
        title="Read, change, write",
        reports=(("langgraph-redis, pull request 79", f"{HUB}/redis-developer/langgraph-redis/pull/79"),),
    ),
    "router": Level(
        "Every history is right, and so is every prompt. But answers come back over **one** transport that tells them "
        "apart by a number, and each client counts its own requests from 1.",
        "response-router",
        Scene(),
        (leak("Both ask. The answer that is ready first goes to who asked first."),),
        "A request's id has to say whose it is: a transport for each client, or routing by client and number. The MCP "
        "TypeScript SDK did so in 1.26.0.",
        asks=("AAAAABBBBB",),
        title="The response router",
        reports=(
            ("CVE-2026-25536", "https://nvd.nist.gov/vuln/detail/CVE-2026-25536"),
            *_on_github("microsoft/azure-devops-mcp#966"),
        ),
    ),
    "march-2023": Level(
        "ChatGPT, March 2023, redis-py 4.5.3: a request was **cancelled** between its command and the reply, and its "
        "connection went back to the pool. You may cancel one turn: Shift and its letter, or ✕.",
        "lesson-reused-connection",
        Scene(cancels=1),
        (leak("Let Ada send her command, cancel her turn before she reads the reply, then play Ben's turn."),),
        "Every later read on that connection was one reply behind. redis-py 4.5.5 closes a connection whose reply was "
        "not read.",
        asks=("AAAaBBBBB",),
        title="Finale: March 2023",
        reports=(
            ("OpenAI's account", "https://openai.com/index/march-20-chatgpt-outage/"),
            *_on_github("redis/redis-py#2624", "redis/redis-py#2665"),
            ("CVE-2023-28858", "https://nvd.nist.gov/vuln/detail/CVE-2023-28858"),
        ),
    ),
}
