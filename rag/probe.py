"""The canary probe: two internal sessions talk at the same time, and the checker says whether they stayed apart.

They use the store, the memory, the library and the turns that everybody uses, with a model that repeats what it is
shown, so that nothing is paid for and nothing that reaches a prompt is overlooked. Where CANARY_PROBE_MODEL is set, the
configured model is asked, by the client that asks for everybody. Nothing of the two is left.
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from redis.exceptions import RedisError

from rag.chat import ChatService
from rag.crosstalk.checker.check import check
from rag.crosstalk.log.events import Event, History, Info, Invoke, Message, Ok
from rag.crosstalk.run import people
from rag.errors import CrosswireError
from rag.services import Services
from rag.sessions import SessionStore
from rag.sessions.ids import SessionId
from rag.sessions.protocol import index_entries

LOG = logging.getLogger("crosswire")
PERIOD = 60
"""Seconds from one probe of a deployment to the next."""
KEPT = 24 * 60
PREFIX = "probe:"
"""Of the internal sessions' ids. A visitor's is 64 hexadecimal digits."""
PATIENCE = 300.0
"""Seconds that one of the two waits for the other to have its answer."""
RECALL = "What is my name, my order number and my address?"


@dataclass(frozen=True, slots=True)
class Probe:
    """One result. at: epoch seconds. verdict: `unknown` where turns were not answered. why: a line without any text of
    a session's. seconds: how long it took. model: the configured one, if that was asked."""

    at: float
    verdict: Literal["isolated", "anomalies", "unknown"]
    why: str
    seconds: float
    model: str = ""


def probe_if_due(services: Services) -> Probe | None:
    """None: another process has made it, or will. Raises redis.RedisError."""
    client, keys = services.client, services.store.protocol.keys
    if not client.set(keys.probe_turn, "1", nx=True, ex=PERIOD - 5):
        return None
    asks_model = services.settings.canary_probe_model and not services.settings.offline
    found = probe(services.chat, services.store, client, asks_model=asks_model)
    client.lpush(keys.probe_history, json.dumps(asdict(found)))
    client.ltrim(keys.probe_history, 0, KEPT - 1)
    if found.verdict == "anomalies":
        LOG.error("The canary probe found cross-talk: %s", found.why)
    return found


def results(services: Services, most: int = KEPT) -> list[Probe]:
    """Newest first. What cannot be read is left out."""
    found = []
    for line in services.client.lrange(services.store.protocol.keys.probe_history, 0, most - 1):
        try:
            found.append(Probe(**json.loads(line)))
        except (ValueError, TypeError):
            LOG.warning("A probe's result in Redis cannot be read")
    return found


def probe(chat: ChatService, store: SessionStore, client: Any, *, asks_model: bool = False) -> Probe:
    """Let two new sessions talk at the same time, and judge what they saw. asks_model: the one that everybody asks."""
    at, begun = time.time(), time.perf_counter()
    talk = _Talk(chat.unobserved() if asks_model else chat.with_model(Echo()), store)
    try:
        with ThreadPoolExecutor(2, "probe") as threads:
            logs = list(threads.map(talk.of, range(2)))
        # Only leaks: what PROMPT_MEMORY leaves out of a prompt is no cross-talk.
        report = check(sorted((event for log in logs for event in log), key=_when), leaks_only=True)
        verdict, why = report.verdict, report.why
    finally:
        _leave_nothing(client, store, talk.ids)
    return Probe(at, verdict, why, round(time.perf_counter() - begun, 4), chat.model_name if asks_model else "")


class Echo(BaseChatModel):
    """Answers with everything that it was shown of a conversation."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        del stop, run_manager, kwargs
        return ChatResult(generations=[ChatGeneration(message=AIMessage(_heard(messages)))])


def _heard(messages: Sequence[BaseMessage]) -> str:
    return "You said: " + " ".join(str(message.text) for message in messages if isinstance(message, HumanMessage))


class _Talk:
    """What both say: their facts, a question to the library, and what they had said; each turn begun together."""

    def __init__(self, chat: ChatService, store: SessionStore) -> None:
        self.ids = [SessionId(PREFIX + secrets.token_hex(16)) for _ in range(2)]
        self._chat, self._store = chat, store
        self._together = threading.Barrier(2, timeout=PATIENCE)

    def of(self, number: int) -> list[Event]:
        sid, user = self.ids[number], people.label(number)
        facts = people.facts(random.SystemRandom(), number)
        known = (facts.name, facts.order, facts.address)
        stated = f"Hello, my name is {facts.name}, my order is {facts.order} and my address is {facts.address}."
        said: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
            (stated, known, ()),
            ("How long do I have to return an item?", (), ()),
            (RECALL, (), known),
        ]
        events: list[Event] = []
        for place, (text, plants, expects) in enumerate(said):
            op = number * len(said) + place
            try:
                self._together.wait()
            except threading.BrokenBarrierError:
                return events  # the other one's answer does not come: then nothing can be told
            events.append(Invoke(op, user, sid, time.monotonic(), text, plants=plants, expects=expects))
            try:
                answer = self._chat.answer(sid, text).text
            except Exception as error:
                LOG.warning("A turn of the canary probe was not answered: %s", type(error).__name__)
                events.append(Info(op, time.monotonic(), type(error).__name__))
            else:
                events.append(Ok(op, time.monotonic(), answer))
        try:
            stored = tuple(
                Message("user" if record.message.type == "human" else "assistant", str(record.message.text))
                for record in self._store.records(sid)
            )
        except CrosswireError:
            return events
        return [*events, History(sid, time.monotonic(), stored)]


def _when(event: Event) -> float:
    return float(getattr(event, "t", 0.0))


def _leave_nothing(client: Any, store: SessionStore, ids: Sequence[SessionId]) -> None:
    """Not even in the audit: nobody's session ended. What cannot be deleted now expires as any session does."""
    keys = store.protocol.keys
    for sid in ids:
        try:
            client.delete(*keys.of(sid))
            for command in index_entries.gone(keys, sid):
                client.execute_command(*command)
        except RedisError as error:
            LOG.warning("A probe's session stays until it expires: %s", error)
