"""Which addresses a webhook may go to: public ones, and the networks the operator names.

A customer chooses the URL, and we stand inside the operator's network: without this, "send it to
169.254.169.254" would make our server read what only our server may read.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], list[str]]

# Unicast that is routed on the internet. Everything else of IPv6 is local, or carries an IPv4
# address to somebody who unpacks it.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_REFUSED: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation
)
# Where only IPv6 is spoken, a gateway reaches every IPv4 address under this prefix.
_NAT64 = IPv6Network("64:ff9b::/96")
_LOOPBACK = IPv4Address("127.0.0.1")


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list with commas, or raise ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


def is_permitted(address: str, permitted: Sequence[Network]) -> bool:
    """Tell whether a webhook may go to a resolved address."""
    bare = _unpacked(ip_address(address.partition("%")[0]))
    return _is_public(bare) or any(bare in network for network in permitted)


def _unpacked(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
    return address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    refused = any(address in network for network in _REFUSED)
    return address.is_global and not address.is_multicast and not refused


def names_private(host: str, permitted: Sequence[Network]) -> bool:
    """Tell whether a host of a URL is, by itself, an address that is refused.

    A name that resolves to one is found when it is connected to, not before: it may change.
    """
    address = _literal(host)
    return address is not None and not is_permitted(str(address), permitted)


def _literal(host: str) -> Address | None:
    if host == "localhost" or host.endswith(".localhost"):
        return _LOOPBACK
    try:
        return ip_address(host)
    except ValueError:
        pass
    try:
        # 2130706433, 0x7f.1 and 127.1 are spellings of 127.0.0.1 that resolvers understand.
        return IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def system_resolver(host: str, port: int) -> list[str]:
    """Return the addresses of a name, best first, or raise OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
