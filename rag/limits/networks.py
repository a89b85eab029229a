"""What counts as one address: an IPv4 address, or the /64 that an IPv6 customer is given."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

IPV6_PREFIX = 64


def network_of(address: str | None) -> str | None:
    """None: nobody's. A loopback address is that of a proxy which does not say whom it asks for, or of a program on
    this machine, and what is no address that of a Unix socket."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return None if found.is_loopback else str(IPv6Network((int(found), IPV6_PREFIX), strict=False))
        found = found.ipv4_mapped
    return None if found.is_loopback else str(found)
