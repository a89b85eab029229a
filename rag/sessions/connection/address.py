"""REDIS_URL, taken apart. Pure: nothing is connected here, and what is shown of an address never holds a password."""

# mypy: disable-error-code="no-untyped-call"
# (of redis-py)

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from redis.connection import parse_url

from rag.errors import BadSetting
from rag.settings import EXPECTED, without_password

Kind = Literal["embedded", "tcp", "tls", "unix", "sentinel", "cluster"]

SCHEMES: dict[str, Kind] = {
    "redis": "tcp",
    "rediss": "tls",
    "unix": "unix",
    "redis+sentinel": "sentinel",
    "redis+cluster": "cluster",
}
LISTS = {"sentinel": 26379, "cluster": 6379}
"""The kinds whose address is a list of servers, and the port that they usually have."""

# Everything else that redis-py reads from an address would change what the store relies on: how replies are
# decoded, and that a command is never sent twice.
ALLOWED = {
    *("db", "username", "password", "client_name", "protocol", "health_check_interval"),
    *("socket_timeout", "socket_connect_timeout", "socket_keepalive", "max_connections", "timeout"),
    *("ssl_ca_certs", "ssl_ca_path", "ssl_ca_data", "ssl_certfile", "ssl_keyfile", "ssl_password"),
    *("ssl_cert_reqs", "ssl_check_hostname", "ssl_min_version", "ssl_ciphers"),
}
EXTRA = {"ssl", "sentinel_username", "sentinel_password"}
"""Options of ours, for a list of servers."""


@dataclass(frozen=True)
class Address:
    """Where a store is. `options` are redis-py's connection arguments; they hold the password, `shown` does not.

    replicas: whether they are to be read from.
    """

    kind: Kind
    shown: str
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    nodes: tuple[tuple[str, int], ...] = ()
    master: str = ""
    tls: bool = False
    sentinel_login: dict[str, str] = field(default_factory=dict, repr=False)
    replicas: bool = False


def parse(url: str) -> Address:
    """Read "embedded" or an address of one of the five schemes. Raises BadSetting."""
    if url == "embedded":
        return Address("embedded", "embedded")
    shown = without_password(url.split("?", 1)[0])
    try:
        return _parse(url, shown)
    except ValueError as exc:
        raise BadSetting("REDIS_URL", shown, str(exc)) from exc


def _parse(url: str, shown: str) -> Address:
    parts = urlsplit(url)
    kind = SCHEMES.get(parts.scheme)
    if kind is None:
        raise ValueError(EXPECTED["redis_url"])
    query = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if strange := sorted(query.keys() - ALLOWED - (EXTRA if kind in LISTS else set())):
        raise ValueError(f"no option {strange[0]} after the question mark")
    if kind in LISTS:
        return _list(kind, shown, parts, query)
    if kind != "unix":
        _ = parts.port  # a port that is none raises ValueError here
        _database(parts.path.strip("/"))
    elif not parts.path:
        raise ValueError("the path of a socket, e.g. unix:///run/redis.sock")
    return Address(kind, shown, _options(url), tls=kind == "tls")


def _list(kind: Kind, shown: str, parts: SplitResult, query: dict[str, str]) -> Address:
    login, _, hosts = parts.netloc.rpartition("@")
    path = parts.path.strip("/").split("/")
    master = path.pop(0) if kind == "sentinel" else ""
    if kind == "sentinel" and not master:
        raise ValueError("the master's name after the hosts, e.g. redis+sentinel://host:26379/mymaster")
    database = _database("/".join(path))
    if kind == "cluster" and database:
        raise ValueError("no database but 0 in a cluster")
    tls = query.pop("ssl", "false").lower() in ("true", "yes", "1")
    sentinel_login = {
        name.removeprefix("sentinel_"): query.pop(name) for name in sorted(query) if name.startswith("sentinel_")
    }
    single = f"redis://{login}@host/{database}?{urlencode(query, quote_via=quote)}"
    options = _options(single)
    del options["host"]
    nodes = tuple(_node(host, LISTS[kind]) for host in hosts.split(","))
    return Address(kind, shown, options, nodes, master, tls, sentinel_login)


def _options(url: str) -> dict[str, Any]:
    options = dict(parse_url(url))
    options.pop("connection_class", None)
    return options


def _database(text: str) -> int:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError("the number of a database after the last slash")
    return int(text or 0)


def _node(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("host:port, host:port … after the two slashes")
    return parts.hostname, parts.port or port
