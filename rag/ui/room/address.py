"""Where a phone finds this server: by the address that this browser used, or by this machine's in its network."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import psutil
import streamlit as st

from rag.settings import origin_of

LONGEST = 200


def base_path() -> str:
    """What this server's addresses begin with, where it is not at the top of its host."""
    return urlsplit(str(st.context.url or "")).path.rpartition("/")[0]


def candidates(url: str) -> list[str]:
    """Origins, the likeliest first. url: of the page, as the browser says."""
    parts = urlsplit(url)
    own = origin_of(f"{parts.scheme}://{parts.netloc}")
    if own is not None and not _loopback(parts.hostname or ""):
        return [own]
    port = f":{parts.port}" if parts.port else ""
    return [f"{parts.scheme or 'http'}://{address}{port}" for address in _addresses()]


def reachable(url: str) -> bool:
    """Whether others may find this server. url: of the page, as the browser says: one from a proxy, or from outside,
    has been found already."""
    listens = str(st.get_option("server.address") or "0.0.0.0")  # noqa: S104 - what Streamlit takes it for
    return not _loopback(urlsplit(url).hostname or "") or not _loopback(listens)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _addresses() -> list[str]:
    """Of this machine, in the networks that it is in."""
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if one.family == socket.AF_INET and not _loopback(one.address) and not one.address.startswith("169.254."):
                # Those of containers and virtual machines are seldom a phone's.
                found.append((name.startswith(("docker", "br-", "veth", "virbr", "vmnet")), one.address))
    return [address for _, address in sorted(found)]
