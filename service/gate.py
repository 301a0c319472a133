"""Which requests are served at all, by the host that they name and the page that they come from.

A trial needs no token, so any web page in a browser of this machine could use it: by posting, by a WebSocket, or, once
its own host name resolves to 127.0.0.1, by reading.
"""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import Scope

from service.errors import Refused

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
READS = frozenset({"GET", "HEAD", "OPTIONS"})
# Probes name the address that they reach the process at.
PROBES = frozenset({"/health", "/health/ready"})
OWN_SITE = frozenset({"same-origin", "none"})


class Gate:
    """Checks Host, Origin and Sec-Fetch-Site.

    In a trial, Host must be a loopback name with the port of the listening socket. Otherwise it must be one of `hosts`,
    or anything if there are none. Pages of `origins` may write, and open WebSockets, like our own pages.
    """

    def __init__(self, *, trial: bool, hosts: Sequence[str] = (), origins: Sequence[str] = ()) -> None:
        self._trial, self._hosts = trial, frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    def check(self, scope: Scope) -> None:
        """Raise Refused: 421 for another host, 403 for another site's page."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if self._trial:
            self._check_loopback(host, scope)
        elif self._hosts and scope["path"] not in PROBES:
            self._check_named(host)
        if scope["type"] == "websocket" or scope["method"] not in READS:
            self._check_site(headers, host)

    def _check_loopback(self, host: str, scope: Scope) -> None:
        name, port = _split(host)
        server = scope.get("server")
        if name not in LOOPBACK or server is None or port != server[1]:
            raise Refused(421, "a trial is served under localhost, 127.0.0.1 and [::1] only, with its own port")

    def _check_named(self, host: str) -> None:
        name, _ = _split(host)
        if host not in self._hosts and name not in self._hosts:
            raise Refused(421, "this service has other host names; REFLECTOR_ALLOWED_HOSTS lists them")

    def _check_site(self, headers: dict[bytes, bytes], host: str) -> None:
        origin = headers.get(b"origin", b"").decode("latin-1")
        if origin and ("*" in self._origins or origin in self._origins):
            return
        # Compare hosts only: behind a proxy, the service doesn't see the scheme that the browser used.
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
        own = site in OWN_SITE if site else not origin or urlsplit(origin).netloc.lower() == host
        if not own:
            raise Refused(403, "pages of other sites may not do this")


def _split(host: str) -> tuple[str, int | None]:
    """Return the name and port of a Host header, port 80 if it has none; None for an invalid port."""
    try:
        parts = urlsplit(f"//{host}")
        port = 80 if parts.port is None else parts.port
    except ValueError:
        return "", None
    return ("", None) if "@" in host else (parts.hostname or "", port)
