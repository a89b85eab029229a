"""What whoever names a target may have this machine do: ask which addresses, and give away which variables and files.

Addresses are judged when a connection is made, so neither a name that means another address by then nor a redirect
gets round it.
"""

from __future__ import annotations

import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal

import httpx2

from rag.crosstalk.targets.errors import BadTarget


class NotAllowed(BadTarget):
    """An address that this one may not have asked."""


Reach = Literal["all", "local", "public"]
METADATA = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254")))
"""Where clouds tell a machine its secrets, besides 169.254.169.254 and fe80::/10."""
_NAT64 = ip_network("64:ff9b::/96")
CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 180.0
"""In which an answer has to be whole, with its head: one that comes byte by byte would keep its thread for ever."""


@dataclass(frozen=True, slots=True)
class Trust:
    """reach: `local` leaves out link-local and metadata addresses, `public` also this machine and its network.

    environment: variables that descriptions may name. files: whether they may name files of users.
    """

    environment: Mapping[str, str]
    files: bool
    reach: Reach


OWNER = Trust(os.environ, True, "all")
"""Whoever runs commands on this machine."""
VISITOR = Trust({}, False, "public")
"""Somebody who opened a page of this server."""
LOCAL_VISITOR = Trust({}, False, "local")
"""The same, who looks after this machine."""


def addresses(host: str, port: int, reach: Reach) -> list[str]:
    """Of a name, all of which may be asked. Raises NotAllowed if one may not, OSError for a name that has none."""
    bare = host.strip("[]")
    found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM)
    # A server that listens on one of localhost's addresses as a rule does so on the older one.
    known = sorted({str(one[4][0]) for one in found}, key=lambda one: (":" in one, one))
    for address in known:
        _check(host, ip_address(address.partition("%")[0]), reach)
    return known


def _check(host: str, address: IPv4Address | IPv6Address, reach: Reach) -> None:
    inner = _inner(address)
    if reach == "all":
        return
    if inner.is_link_local or inner in METADATA or inner.is_multicast:
        raise NotAllowed(host, "a link-local or metadata address is never asked from here")
    if reach == "public" and not inner.is_global:
        raise NotAllowed(
            host,
            "this server's own network is asked only where the inspector is unlocked: by its password, a login, or the "
            "link that this server wrote when it started",
        )


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The older address that one of the newer kind stands for."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address


def connection(host: str, port: int, reach: Reach) -> socket.socket:
    """Raises NotAllowed, OSError."""
    problem: OSError | None = None
    for address in addresses(host, port, reach):
        try:
            return socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError as exc:
            problem = exc
    raise problem or OSError(f"{host} has no address")


class _Hour(threading.local):
    """When the request that this thread is at ends."""

    until = math.inf

    def left(self, timeout: float | None) -> float:
        """Seconds for the next step. Raises ReadTimeout."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise httpx2.ReadTimeout("the whole answer took too long")
        return left if timeout is None else min(left, timeout)


class _Stream:
    """A connection whose steps end at that hour. inner: httpcore's, whose methods these are."""

    def __init__(self, inner: Any, hour: _Hour) -> None:
        self._inner, self._hour = inner, hour
        self.close, self.get_extra_info = inner.close, inner.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found: bytes = self._inner.read(max_bytes, self._hour.left(timeout))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._hour.left(timeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _Stream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._hour.left(timeout)), self._hour)


class _Backend:
    """What opens connections. inner: httpcore's."""

    def __init__(self, inner: Any, hour: _Hour) -> None:
        self._inner, self._hour = inner, hour

    def connect_tcp(self, *args: Any, **named: Any) -> _Stream:
        return _Stream(self._inner.connect_tcp(*args, **named), self._hour)


class Judged(httpx2.BaseTransport):
    """Connects to an address that was judged, under the name that was asked for; and not for longer than it may."""

    def __init__(self, reach: Reach) -> None:
        self._reach: Reach = reach
        self._hour = _Hour()
        self._inner = httpx2.HTTPTransport(verify=_certificates(), trust_env=False)
        pool: Any = self._inner._pool  # which is given no backend by its transport
        pool._network_backend = _Backend(pool._network_backend, self._hour)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        self._hour.until = time.monotonic() + REQUEST_SECONDS
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            known = addresses(url.host, port, self._reach)
        except (OSError, UnicodeError) as exc:
            raise httpx2.ConnectError(str(exc), request=request) from exc
        problem = httpx2.ConnectError("the name has no address", request=request)
        for address in known:
            to = httpx2.Request(
                request.method,
                url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": url.host},
            )
            try:
                return self._inner.handle_request(to)
            except httpx2.ConnectError as exc:  # nothing was sent
                problem = exc
        raise problem

    def close(self) -> None:
        self._inner.close()


def client(trust: Trust, timeout: float, cookies: httpx2.Cookies | None = None) -> httpx2.Client:
    """Follows redirects, ignores proxies."""
    return httpx2.Client(
        timeout=timeout,
        cookies=cookies,
        follow_redirects=True,
        trust_env=False,
        verify=_certificates(),
        transport=None if trust.reach == "all" else Judged(trust.reach),
    )


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: that takes 25 ms of a processor, several requests' worth, and each simulated user is a client."""
    return httpx2.create_ssl_context(trust_env=False)
