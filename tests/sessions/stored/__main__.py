"""Write what this version stores, beside this file, unless its form is there already."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage

from rag.sessions import SessionStore
from rag.sessions.messages.codec import VERSION
from tests.servers import Server
from tests.sessions.test_upgrades import KEY, SAID, SUMMARY, TITLE

TARGET = Path(__file__).with_name(f"v{VERSION}.json")


def _made_again(client: Any, name: bytes) -> list[list[str]]:
    key = name.decode()
    match client.type(name):
        case b"list":
            return [["RPUSH", key, *(one.decode() for one in client.lrange(name, 0, -1))]]
        case b"hash":
            return [["HSET", key, *(part.decode() for pair in client.hgetall(name).items() for part in pair)]]
        case b"zset":
            scored = client.zrange(name, 0, -1, withscores=True)
            return [["ZADD", key, *(part for member, score in scored for part in (str(score), member.decode()))]]
    return []  # locks are gone by then, and the audit is nobody's history


def main() -> None:
    if TARGET.exists():
        sys.exit(f"{TARGET.name} is kept: give the new form a version of its own.")
    commands = []
    with Server() as server, server.client() as client:
        for sid, keys in (("plain", ()), ("sealed", (KEY,))):
            store = SessionStore(client, encryption_keys=keys, ttl=31_536_000)
            for asked, answered in SAID:
                with store.turn(sid) as turn:
                    pair = [HumanMessage(asked), AIMessage(answered, response_metadata={"n": [1, 2.5, None]})]
                    turn.commit(pair, ["returns/window"], title=TITLE)
            store.set_summary(sid, SUMMARY, 1)
        for name in sorted(client.keys("*")):
            commands += _made_again(client, name)
    TARGET.write_text(json.dumps(commands, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
