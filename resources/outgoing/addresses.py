"""The addresses that a request to a URL of third parties may reach."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import Future

from domain.errors import PermanentError, TransientError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv6 networks whose addresses end in an IPv4 address: compatible and translated forms, NAT64 (RFC 6052).
HOLDS_IPV4 = [ipaddress.IPv6Network(network) for network in ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")]
# Networks that older Python versions take as public (IANA's registries of special addresses), and public addresses
# that the local network or the machine itself answers.
REFUSED = [
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's own services, reached from each of its machines
        "192.0.0.0/24",  # protocol assignments; Oracle's clouds have metadata there
        "192.88.99.0/24",  # relays of 6to4
        "64:ff9b:1::/48",  # NAT64 of a network's own, which puts the IPv4 address anywhere (RFC 8215)
        "2001::/23",  # protocol assignments, as Teredo
        "3fff::/20",  # documentation
        "fec0::/10",  # site-local
    )
]


class ForbiddenAddress(PermanentError):
    """A URL with a host that must not be called."""


class UnknownHost(TransientError):
    """A host without an address, for now at least."""


def parse_networks(text: str | None) -> list[Network]:
    """Parse a comma-separated list of networks."""
    return [ipaddress.ip_network(part.strip(), strict=False) for part in (text or "").split(",") if part.strip()]


def check_addresses(host: str, addresses: Sequence[str], allowed: Iterable[Network]) -> list[str]:
    """Return a host's addresses if all of them may be reached; raises ForbiddenAddress."""
    allowed = list(allowed)
    for text in addresses:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ForbiddenAddress(f"{host} has the address {text}, which is not an internet address") from None
        if not _may_be_reached(address, allowed):
            raise ForbiddenAddress(
                f"{host} has the address {address}, which is not in the public internet",
                hint="To allow a private network, add it to REFLECTOR_ALLOWED_NETWORKS.",
            )
    return list(addresses)


def _may_be_reached(address: Address, allowed: Sequence[Network]) -> bool:
    if any(address in network for network in allowed):
        return True
    if (inner := _inner(address)) is not None:
        return _may_be_reached(inner, allowed)
    if any(address in network for network in REFUSED):
        return False
    never = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    return address.is_global and not (never or address.is_link_local or address.is_private)


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address embeds, if any."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if any(address in network for network in HOLDS_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


async def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host, each once; raises UnknownHost when the lookup fails.

    A lookup can't be interrupted, so it runs in a daemon thread that is abandoned when the caller times out.
    """
    found: Future[list[str]] = Future()

    def look() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except OSError as error:
            found.set_exception(error)
        except UnicodeError:
            found.set_exception(OSError("it is not a valid host name"))

    found.set_running_or_notify_cancel()
    threading.Thread(target=look, name="resolve", daemon=True).start()
    try:
        return await asyncio.wrap_future(found)
    except OSError as error:
        raise UnknownHost(f"{host} has no address: {error.strerror or error}") from None
