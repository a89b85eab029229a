"""From REDIS_URL to a client whose pool is bounded, whose server has answered, and that never repeats a command.

    connect(url)        -> redis.Redis or redis.RedisCluster, thread-safe, bytes in and out
    connect_async(url)  -> the same of redis.asyncio

Forms: embedded | redis:// | rediss:// | unix:// | redis+sentinel://host:port,host:port/master[/db]
| redis+cluster://host:port,host:port — each with user:password@ and, after a question mark, redis-py's ssl_* and
socket_* options. `?ssl=true` turns TLS on for the last two; `sentinel_username` and `sentinel_password` log in to
the sentinels themselves. Close the client when it is no longer needed: the embedded server ends with its last user.
"""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import redis
import redis.asyncio.retry
import redis.asyncio.sentinel
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, LoadBalancingStrategy
from redis.exceptions import NoPermissionError

from rag.errors import BadSetting, SessionStoreUnavailable
from rag.sessions.connection import pools as c
from rag.sessions.connection.address import LISTS, Address, parse
from rag.sessions.connection.errors import FAILURES, reason
from rag.sessions.embedded.server import EmbeddedServer
from rag.sessions.protocol.steps import Steps, arun, run

OLDEST = (6, 2)
NEVER = (NoBackoff(), 0)
REPLICAS_FIRST = LoadBalancingStrategy.ROUND_ROBIN_REPLICAS

Client = redis.Redis | redis.RedisCluster
AsyncClient = redis.asyncio.Redis | AsyncRedisCluster


def connect(
    url: str,
    *,
    state_dir: Path | None = None,
    max_connections: int = 64,
    timeout: float = 5.0,
    pool_timeout: float = 10.0,
    replicas: bool = False,
) -> Client:
    """Connect, and see that a Redis ≥ 6.2 or a Valkey answers. Times are in seconds.

    state_dir: where the embedded server lives; None: in STATE_DIR of the environment, or .crosswire/ in the working
    directory. max_connections: per server, and one more to listen on while a turn waits. timeout: for a connection, and
    for a reply; pool_timeout: for a free connection when all are in use.
    replicas: a second client, which reads from replicas as long as there are any (see `Replication`); of sentinels and
    clusters, which know them.
    Raises BadSetting for an address that cannot be read, SessionStoreUnavailable for one that does not answer.
    """
    address = _address(url, replicas)
    options = _options(address, max_connections, timeout, pool_timeout)
    client: Client = run(_opened(address, lambda: _client(SYNC, address, options, state_dir)))
    return client


async def connect_async(
    url: str,
    *,
    state_dir: Path | None = None,
    max_connections: int = 64,
    timeout: float = 5.0,
    pool_timeout: float = 10.0,
    replicas: bool = False,
) -> AsyncClient:
    """The same as `connect`, for one event loop. Close it with `aclose()`."""
    address = _address(url, replicas)
    options = _options(address, max_connections, timeout, pool_timeout)
    return await arun(_opened(address, lambda: _client(ASYNC, address, options, state_dir)))


def _address(url: str, replicas: bool) -> Address:
    address = parse(url)
    if replicas and address.kind not in LISTS:
        raise BadSetting("REDIS_READS", "replicas", f"master, as {address.shown} names one server and no replicas")
    return replace(address, replicas=replicas)


def _opened(address: Address, make: Callable[[], Any]) -> Steps[Any]:
    client = None
    try:
        client = make()
        yield from _checked(client, address)
    except (*FAILURES, SessionStoreUnavailable) as exc:
        if client is not None:
            yield client.aclose() if hasattr(client, "aclose") else client.close()
        if isinstance(exc, SessionStoreUnavailable):
            raise
        raise SessionStoreUnavailable(address.shown, reason(exc)) from exc
    return client


def _checked(client: Any, address: Address) -> Steps[None]:
    with c.refusing_writes():
        yield client.ping()
    with suppress(NoPermissionError):
        info = yield client.info("server")
        # Of a cluster: the lowest. (Valkey tells which Redis it is as able as.)
        versions = [str(one.get("redis_version", "")) for one in ([info] if "redis_version" in info else info.values())]
        version = min(versions, key=_numbers, default="")
        if _numbers(version) and _numbers(version) < OLDEST:
            todo = "Expected Redis 6.2 or newer, or Valkey: update the server."
            raise SessionStoreUnavailable(address.shown, f"it is Redis {version}", todo)


def _options(address: Address, max_connections: int, timeout: float, pool_timeout: float) -> dict[str, Any]:
    return {
        "max_connections": max_connections,
        "timeout": pool_timeout,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "health_check_interval": 30,
        # The store uses no reply that only RESP3 has; RESP2 saves the handshake and passes every proxy.
        "protocol": 2,
        # Naming the library costs two round trips a connection.
        "driver_info": None,
        **address.options,
    }


class _Kinds(NamedTuple):
    """What the sync and the async client are made of. library: redis-py's package; connections: by kind of address."""

    library: Any
    cluster: Callable[[Address, dict[str, Any]], Any]
    pool: Any
    sentinel_pool: Any
    connections: dict[str, type]


def _client(kinds: _Kinds, address: Address, options: dict[str, Any], state_dir: Path | None) -> Any:
    if address.kind == "cluster":
        return kinds.cluster(address, options)
    name = f"{address.kind}+tls" if address.kind == "sentinel" and address.tls else address.kind
    options["connection_class"] = kinds.connections[name]
    if address.kind == "sentinel":
        shared = ("socket_", "ssl_", "protocol", "driver_info")
        own = {name: value for name, value in options.items() if name.startswith(shared)}
        own |= {**address.sentinel_login, "ssl": address.tls, "retry": kinds.library.retry.Retry(*NEVER)}
        sentinel = kinds.library.sentinel.Sentinel(address.nodes, sentinel_kwargs=own)
        pool = kinds.sentinel_pool(address.master, sentinel, is_master=not address.replicas, **options)
    else:
        server = EmbeddedServer(state_dir) if address.kind == "embedded" else None
        pool = kinds.pool(server=server, **options)
    return kinds.library.Redis.from_pool(pool)


def _cluster(address: Address, options: dict[str, Any]) -> redis.RedisCluster:
    (host, port), *others = address.nodes
    return redis.RedisCluster(
        # As an address and not as host and port: only then redis-py lets us choose the pool of the nodes.
        url=f"{'rediss' if address.tls else 'redis'}://{f'[{host}]' if ':' in host else host}:{port}",
        startup_nodes=[ClusterNode(*node) for node in others],
        connection_pool_class=c.BoundedPool,
        retry=redis.retry.Retry(*NEVER),
        load_balancing_strategy=REPLICAS_FIRST if address.replicas else None,
        **{name: value for name, value in options.items() if name != "db"},
    )


def _async_cluster(address: Address, options: dict[str, Any]) -> AsyncRedisCluster:
    wait, nodes = options.pop("timeout"), [AsyncClusterNode(*node) for node in address.nodes]
    retry = redis.asyncio.retry.Retry(*NEVER)
    return c.AsyncBoundedCluster(
        startup_nodes=nodes,
        ssl=address.tls,
        retry=retry,
        pool_timeout=wait,
        load_balancing_strategy=REPLICAS_FIRST if address.replicas else None,
        **options,
    )


SYNC = _Kinds(redis, _cluster, c.BoundedPool, c.SentinelPool, c.CONNECTIONS)
ASYNC = _Kinds(redis.asyncio, _async_cluster, c.AsyncBoundedPool, c.AsyncSentinelPool, c.ASYNC_CONNECTIONS)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
