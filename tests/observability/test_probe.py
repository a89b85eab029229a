"""The canary probe tells a memory that mixes people up from one that does not, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from langchain_core.messages import BaseMessage

from rag.chat import ChatService
from rag.chat.memory import LastTurns, Remembered
from rag.probe import Probe, probe_if_due, results
from rag.services import Services
from rag.sessions import SessionStore
from tests.chat.parts import ScriptedModel, ShelfLibrary


@dataclass(frozen=True)
class Shared(LastTurns):
    """What the incident had: one memory for everybody."""

    everybody: list[BaseMessage] = field(default_factory=list)

    def remember(self, messages: Sequence[BaseMessage], *args: Any) -> Remembered:
        self.everybody.extend(message for message in messages if message not in self.everybody)
        return Remembered(tuple(self.everybody))


class Broken(ShelfLibrary):
    def search(self, *args: Any, **more: Any) -> Any:
        raise RuntimeError("text of somebody's")


def due(store: SessionStore, chat: ChatService) -> tuple[Services, Probe]:
    client = store._client
    client.delete(store.protocol.keys.probe_turn)
    services = cast(Services, SimpleNamespace(store=store, chat=chat, client=client))
    found = probe_if_due(services)
    assert found is not None
    return services, found


def test_the_probe(store: SessionStore) -> None:
    before = set(store._client.keys())
    live, audited = store.directory.count(), len(store.audit.read())
    model = ScriptedModel()
    services, apart = due(store, ChatService(store, ShelfLibrary(), model))
    assert apart.verdict == "isolated", apart
    assert probe_if_due(services) is None  # another process's turn
    _, mixed = due(store, ChatService(store, ShelfLibrary(), model, memory=Shared(20)))
    assert mixed.verdict == "anomalies", mixed
    _, short = due(store, ChatService(store, ShelfLibrary(), model, memory=LastTurns(1)))
    assert short.verdict == "isolated", short  # it forgets, and mixes nobody up
    _, dead = due(store, ChatService(store, Broken(), model))
    assert dead.verdict == "unknown", dead
    assert results(services) == [dead, short, mixed, apart]
    assert model.prompts == []  # nothing is paid for
    assert (store.directory.count(), len(store.audit.read())) == (live, audited)
    new = {name.decode() if isinstance(name, bytes) else name for name in set(store._client.keys()) - before}
    assert new <= {store.protocol.keys.probe_turn, store.protocol.keys.probe_history}
