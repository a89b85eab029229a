"""The gallery: every memory strategy by its name, in the order in which the story tells them.

The libraries that a strategy needs are loaded when it is made, so that naming them all costs nothing.
"""

from __future__ import annotations

import inspect
import sys
import threading
import warnings

from rag.crosstalk.strategies.base import Asked, Lab, Steps, Strategy, Wait
from rag.crosstalk.strategies.in_process.cached_chain import CachedChain
from rag.crosstalk.strategies.in_process.constant_session_id import ConstantSessionId
from rag.crosstalk.strategies.in_process.context_variable import ContextVariable
from rag.crosstalk.strategies.in_process.deepcopy_per_request import DeepcopyPerRequest
from rag.crosstalk.strategies.in_process.default_argument import DefaultArgument
from rag.crosstalk.strategies.in_process.dict_per_session import DictPerSession
from rag.crosstalk.strategies.in_process.dict_with_lock import DictWithLock
from rag.crosstalk.strategies.in_process.folded_key import FoldedKey
from rag.crosstalk.strategies.in_process.shared_buffer import SharedBuffer
from rag.crosstalk.strategies.in_process.stateless import Stateless
from rag.crosstalk.strategies.in_process.thread_local import ThreadLocal
from rag.crosstalk.strategies.retrieval.semantic_cache import SemanticCache
from rag.crosstalk.strategies.retrieval.unfiltered_retrieval import UnfilteredRetrieval
from rag.crosstalk.strategies.stored.community_redis import CommunityRedis
from rag.crosstalk.strategies.stored.redis_get_set import RedisGetSet
from rag.crosstalk.strategies.stored.redis_list import RedisList
from rag.crosstalk.strategies.stored.redis_turn import RedisTurn
from rag.crosstalk.strategies.stored.reused_connection import ReusedConnection
from rag.crosstalk.strategies.stored.sql import Sql
from rag.crosstalk.strategies.stored.sqlite import Sqlite
from rag.errors import CrosswireError

__all__ = [
    "STRATEGIES",
    "Asked",
    "Lab",
    "Steps",
    "Strategy",
    "UnknownStrategy",
    "Wait",
    "find",
    "guilty_lines",
    "make",
    "source",
]

_ALL: tuple[type[Strategy], ...] = (
    SharedBuffer,
    DeepcopyPerRequest,
    CachedChain,
    ConstantSessionId,
    DefaultArgument,
    ThreadLocal,
    ContextVariable,
    DictPerSession,
    DictWithLock,
    Sqlite,
    Sql,
    RedisGetSet,
    RedisList,
    CommunityRedis,
    RedisTurn,
    SemanticCache,
    UnfilteredRetrieval,
    ReusedConnection,
    FoldedKey,
    Stateless,
)
STRATEGIES: dict[str, type[Strategy]] = {kind.name: kind for kind in _ALL}

MARK = "# the bug"

_quiet = threading.Lock()


class UnknownStrategy(CrosswireError):
    """A name that no strategy has."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no strategy {name!r}. There are: {', '.join(STRATEGIES)}.")


def find(name: str) -> type[Strategy]:
    """Raises UnknownStrategy."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise UnknownStrategy(name) from None


def make(name: str, lab: Lab) -> Strategy:
    """A new instance, with nothing in it of the ones before.

    Raises UnknownStrategy, and SessionStoreUnavailable where it needs Redis.
    """
    kind = find(name)
    if kind.uses_redis:
        lab.open_redis()
    # The gallery holds what is deprecated on purpose. (LangChain puts its own filters first when it is loaded.)
    with _quiet, warnings.catch_warnings(record=True):
        return kind(lab)


def source(name: str) -> str:
    """The strategy's own file."""
    return inspect.getsource(sys.modules[find(name).__module__])


def guilty_lines(name: str) -> tuple[int, ...]:
    """Which lines of `source`, from 1, are what is wrong with it. None where nothing is."""
    return tuple(n for n, line in enumerate(source(name).splitlines(), 1) if line.endswith(MARK))
