"""What one process shares between all its users: made once, stateless or thread-safe, nobody's data in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from rag.chat import ChatService, make_model
from rag.chat.memory import from_setting
from rag.knowledge import IngestReport, Library, Progress, open_library
from rag.knowledge.embedding.embedders import make_embedder
from rag.limits import Limits, UnderWay
from rag.observability import TurnMetrics, TurnWatch
from rag.observability.spans import spans_if_wanted
from rag.sessions import SessionStore
from rag.sessions.opening import open_store
from rag.settings import Settings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What pages, HTTP routes and commands are given."""

    settings: Settings
    client: Any  # redis.Redis or RedisCluster: they share no useful base
    store: SessionStore
    library: Library
    chat: ChatService
    watch: TurnWatch
    limits: Limits
    under_way: UnderWay

    def close(self) -> None:
        self.library.close()
        self.store.close()
        self.client.close()


def build(settings: Settings) -> Services:
    """Open everything that these settings name. Raises CrosswireError; what was opened is closed again then."""
    with ExitStack() as opened:
        client, store = open_store(settings)
        opened.callback(client.close)
        opened.callback(store.close)
        embedder = make_embedder(settings)
        library = open_library(settings, embedder)
        opened.callback(library.close)
        model = make_model(settings, embedder)
        memory = from_setting(settings.prompt_memory, None if settings.offline else model)
        watch = TurnWatch(TurnMetrics(), spans_if_wanted(settings.otel_exporter_otlp_endpoint))
        chat = ChatService(store, library, model, memory=memory, offline=settings.offline, observer=watch)
        opened.pop_all()  # it is closed by whoever has it from here on
    return Services(settings, client, store, library, chat, watch, Limits(settings), UnderWay(settings))


def warn_of_eviction(services: Services) -> None:
    """Say in the log if this Redis drops sessions when its memory is used up."""
    found = services.store.eviction()
    if found is not None and found.warning:
        LOG.warning("%s", found.warning)


def load_articles(services: Services, progress: Callable[[Progress], None] | None = None) -> IngestReport:
    """Bring the library in step with the folder of articles. Unchanged articles cost nothing."""
    report = services.library.add([services.settings.knowledge_dir], progress, prune=True)
    for failure in report.failed:
        LOG.warning("%s", failure.message)
    return report
