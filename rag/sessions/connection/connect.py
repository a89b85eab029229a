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

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.exceptions import NoPermissionError
from redis.retry import Retry
from redis.sentinel import Sentinel

from rag.errors import SessionStoreUnavailable
from rag.sessions.connection import pools as c
from rag.sessions.connection.address import Address, parse
from rag.sessions.connection.reasons import FAILURES, reason
from rag.sessions.embedded.server import EmbeddedServer
from rag.sessions.protocol.steps import Steps, arun, run

OLDEST = (6, 2)
NEVER = (NoBackoff(), 0)

Client = redis.Redis | redis.RedisCluster
AsyncClient = redis.asyncio.Redis | AsyncRedisCluster


def connect(
    url: str,
    *,
    state_dir: Path | None = None,
    max_connections: int = 64,
    timeout: float = 5.0,
    pool_timeout: float = 10.0,
) -> Client:
    """Connect, and see that a Redis ≥ 6.2 or a Valkey answers. Times are in seconds.

    state_dir: where the embedded server lives; None: in STATE_DIR of the environment, or .crosswire/ in the working
    directory. max_connections: per server, and one more to listen on while a turn waits. timeout: for a connection, and
    for a reply; pool_timeout: for a free connection when all are in use.
    Raises BadSetting for an address that cannot be read, SessionStoreUnavailable for one that does not answer.
    """
    address = parse(url)
    with _told(address):
        client = _client(address, _options(address, max_connections, timeout, pool_timeout), state_dir)
    try:
        with _told(address):
            run(lambda asked: asked(client), _checked(address))
    except SessionStoreUnavailable:
        client.close()
        raise
    return client


async def connect_async(
    url: str,
    *,
    state_dir: Path | None = None,
    max_connections: int = 64,
    timeout: float = 5.0,
    pool_timeout: float = 10.0,
) -> AsyncClient:
    """The same as `connect`, for one event loop. Close it with `aclose()`."""
    address = parse(url)
    with _told(address):
        client = _async_client(address, _options(address, max_connections, timeout, pool_timeout), state_dir)
    try:
        with _told(address):
            await arun(lambda asked: asked(client), _checked(address))
    except SessionStoreUnavailable:
        await client.aclose()
        raise
    return client


@contextmanager
def _told(address: Address) -> Iterator[None]:
    try:
        yield
    except FAILURES as exc:
        raise SessionStoreUnavailable(address.shown, reason(exc)) from exc


def _checked(address: Address) -> Steps[None]:
    with c.refusing_writes():
        yield lambda client: client.ping()
    with suppress(NoPermissionError):
        version = _lowest((yield lambda client: client.info("server")))
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


def _client(address: Address, options: dict[str, Any], state_dir: Path | None) -> Client:
    pool: c.BoundedPool
    match address.kind:
        case "embedded":
            pool = c.EmbeddedPool(server=EmbeddedServer(state_dir), **options)
        case "cluster":
            return _cluster(address, options)
        case "sentinel":
            sentinel = Sentinel(address.nodes, sentinel_kwargs=_sentinel_options(address, options, Retry(*NEVER)))
            kind = c.SentinelTlsConnection if address.tls else c.SentinelConnection
            pool = c.SentinelPool(address.master, sentinel, connection_class=kind, **options)
        case "unix":
            pool = c.BoundedPool(connection_class=c.SocketConnection, **options)
        case "tcp" | "tls":
            pool = c.BoundedPool(connection_class=c.TlsConnection if address.tls else c.TcpConnection, **options)
    return redis.Redis.from_pool(pool)


def _cluster(address: Address, options: dict[str, Any]) -> redis.RedisCluster:
    (host, port), *others = address.nodes
    return redis.RedisCluster(
        # As an address and not as host and port: only then redis-py lets us choose the pool of the nodes.
        url=f"{'rediss' if address.tls else 'redis'}://{f'[{host}]' if ':' in host else host}:{port}",
        startup_nodes=[ClusterNode(*node) for node in others],
        connection_pool_class=c.BoundedPool,
        retry=Retry(*NEVER),
        **{name: value for name, value in options.items() if name != "db"},
    )


def _async_client(address: Address, options: dict[str, Any], state_dir: Path | None) -> AsyncClient:
    pool: c.AsyncBoundedPool
    match address.kind:
        case "embedded":
            pool = c.AsyncEmbeddedPool(server=EmbeddedServer(state_dir), **options)
        case "cluster":
            wait = options.pop("timeout")
            nodes = [AsyncClusterNode(*node) for node in address.nodes]
            return c.AsyncBoundedCluster(
                startup_nodes=nodes, ssl=address.tls, retry=AsyncRetry(*NEVER), pool_timeout=wait, **options
            )
        case "sentinel":
            sentinel_options = _sentinel_options(address, options, AsyncRetry(*NEVER))
            sentinel = AsyncSentinel(address.nodes, sentinel_kwargs=sentinel_options)
            kind = c.AsyncSentinelTlsConnection if address.tls else c.AsyncSentinelConnection
            pool = c.AsyncSentinelPool(address.master, sentinel, connection_class=kind, **options)
        case "unix":
            pool = c.AsyncBoundedPool(connection_class=c.AsyncSocketConnection, **options)
        case "tcp" | "tls":
            tcp = c.AsyncTlsConnection if address.tls else c.AsyncTcpConnection
            pool = c.AsyncBoundedPool(connection_class=tcp, **options)
    return redis.asyncio.Redis.from_pool(pool)


def _sentinel_options(address: Address, options: dict[str, Any], retry: Retry | AsyncRetry) -> dict[str, Any]:
    shared = ("socket_", "ssl_", "protocol", "driver_info")
    found = {name: value for name, value in options.items() if name.startswith(shared)}
    return {**found, **address.sentinel_login, "ssl": address.tls, "retry": retry}


def _lowest(info: dict[str, Any]) -> str:
    """The Redis version in one INFO, or the lowest of a cluster's. (Valkey tells which Redis it is as able as.)"""
    found = [info] if "redis_version" in info else list(info.values())
    return min((str(one.get("redis_version", "")) for one in found), key=_numbers, default="")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
