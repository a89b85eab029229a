"""The canary probe tells a memory that mixes people up from one that does not, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr
from redis.exceptions import RedisError

from rag.chat import ChatService
from rag.chat.memory import LastTurns, Remembered, Summarised
from rag.probe import Probe, probe_if_due, results
from rag.services import Services
from rag.sessions import SessionStore, connect
from tests.chat.parts import ScriptedModel, ShelfLibrary
from tests.servers import Cluster, SentinelPair, wait_for


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


def due(store: SessionStore, chat: ChatService, *, asks_model: bool = False) -> tuple[Services, Probe]:
    client = store._client
    client.delete(store.protocol.keys.probe_turn)
    settings = SimpleNamespace(canary_probe_model=asks_model, offline=False)
    services = cast(Services, SimpleNamespace(store=store, chat=chat, client=client, settings=settings))
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
    summarised = ChatService(store, ShelfLibrary(), model, memory=Summarised(1, model))
    assert due(store, summarised)[1].verdict == "isolated"
    assert model.prompts == []  # nothing is paid for
    assert (store.directory.count(), len(store.audit.read())) == (live, audited)
    new = {name.decode() if isinstance(name, bytes) else name for name in set(store._client.keys()) - before}
    assert new <= {store.protocol.keys.probe_turn, store.protocol.keys.probe_history}


def repeated(prompt: Sequence[BaseMessage]) -> Iterator[str]:
    """As a model that remembers well."""
    yield " ".join(str(message.text) for message in prompt)


class Mixing(ScriptedModel):
    """A client that hands out the answer to whoever asked before: redis-py 4.5.3's fault, at a model."""

    _last: list[BaseMessage] = PrivateAttr(default_factory=list)

    def _stream(self, messages: list[BaseMessage], *args: Any, **more: Any) -> Iterator[ChatGenerationChunk]:
        asked, self._last = self._last or messages, messages
        return super()._stream(asked, *args, **more)


def test_the_configured_models_client_is_covered_if_it_is_to_be(store: SessionStore) -> None:
    good, mixing, forgets = ScriptedModel(script=repeated), Mixing(script=repeated), ScriptedModel()
    for model, verdict in ((good, "isolated"), (mixing, "anomalies"), (forgets, "unknown")):
        chat = ChatService(store, ShelfLibrary(), model, observer=cast(Any, None))
        _, found = due(store, chat, asks_model=True)
        assert (found.verdict, found.model) == (verdict, "scripted-1"), found
        assert len(model.prompts) >= 6
        assert due(store, chat)[1].model == ""
    assert len(mixing.prompts) == len(good.prompts)


@pytest.mark.server
@pytest.mark.parametrize("group", [Cluster, SentinelPair])
def test_on_several_servers_and_while_they_fail(group: type[Cluster | SentinelPair]) -> None:
    with group() as servers, closing(connect(servers.url)) as client:
        store = SessionStore(client)
        chat = ChatService(store, ShelfLibrary(), ScriptedModel())
        services, found = due(store, chat)
        assert found.verdict == "isolated", found
        mixed = ChatService(store, ShelfLibrary(), ScriptedModel(), memory=Shared(20))
        assert due(store, mixed)[1].verdict == "anomalies"
        left = {name.decode() for name in client.scan_iter()}
        assert left <= {store.protocol.keys.probe_turn, store.protocol.keys.probe_history}
        if isinstance(servers, SentinelPair):
            servers.failover()
            wait_for(lambda: due(store, chat)[1].verdict == "isolated", "a probe after the failover")
        else:
            servers.servers[0].kill()
            verdicts: list[str] = []
            with suppress(RedisError):  # where what is due is on that master, there is no probe
                verdicts.append(due(store, chat)[1].verdict)
            assert "anomalies" not in verdicts
            servers.servers[0].start()
            wait_for(lambda: due(store, chat)[1].verdict == "isolated", "a probe after the restart")
        assert {probe.verdict for probe in results(services)} >= {"isolated", "anomalies"}
