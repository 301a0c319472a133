"""What callers of the service may do, and who they are."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from domain.errors import InvalidInput

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
UNITS_S = {"h": 3600.0, "d": 86400.0}


class Scope(StrEnum):
    """Scopes in ascending order: each includes those before it.

    `read` is for transcripts, `write` for changes of single recordings, `operate` for the deployment: rooms, costs,
    metrics, and the causes of failures.
    """

    READ = "read"
    WRITE = "write"
    OPERATE = "operate"

    def includes(self, other: "Scope") -> bool:
        """Return True if this scope contains the other one."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


class Principal(NamedTuple):
    """A caller, by the name in the audit log, and its scope; both None for a caller without credentials.

    `has_session` is True if a browser's cookie identifies it: browsers send cookies unasked. A caller with a link that
    shares one recording has no scope, but that `recording`. `expires_at`, in epoch seconds, is when a JWT ends.
    """

    name: str | None = None
    scope: Scope | None = None
    has_session: bool = False
    recording: str | None = None
    expires_at: float | None = None

    def may(self, scope: Scope) -> bool:
        """Return True if the caller has a scope."""
        return self.scope is not None and self.scope.includes(scope)


def check_name(name: str) -> str:
    """Return the name of a token; raises InvalidInput if it isn't 1 to 64 letters, digits, dots, dashes, `_` or `@`."""
    if not NAME_PATTERN.fullmatch(name):
        raise InvalidInput(
            f"{name[:60]!r} can't be a token's name",
            hint="Use 1 to 64 letters, digits, dots, dashes, underscores or @, starting with a letter or a digit.",
        )
    return name


def lifetime(text: str) -> float:
    """Return the seconds of a lifetime such as `30d` or `12h`; raises InvalidInput."""
    found = re.fullmatch(r"([1-9]\d{0,4})([hd])", text.strip())
    if not found:
        raise InvalidInput(f"{text[:20]!r} isn't a lifetime", hint="Use days or hours, such as 30d or 12h.")
    return int(found[1]) * UNITS_S[found[2]]


class Person(NamedTuple):
    """Somebody whom an identity provider knows; `email` is None if it isn't verified."""

    subject: str
    email: str | None = None

    @classmethod
    def of(cls, claims: Mapping[str, object]) -> "Person":
        """Read the claims of a token; raises KeyError without a subject.

        An address counts unless the provider says that it isn't verified.
        """
        email = claims.get("email")
        verified = isinstance(email, str) and claims.get("email_verified") not in {False, "false"}
        return cls(str(claims["sub"]), str(email).strip().lower() if verified else None)

    @property
    def name(self) -> str:
        """Return the name in the audit log."""
        return f"account {self.subject}" + (f" ({self.email})" if self.email else "")

    def scope(self, scopes: Mapping[str, Scope]) -> Scope | None:
        """Return the scope by subject (`sub:ID`), else by address, else by domain (`@example.com`), ignoring case."""
        by_name = {who if who.startswith("sub:") else who.lower(): scope for who, scope in scopes.items()}
        domain = self.email and f"@{self.email.rpartition('@')[2]}"
        names = (f"sub:{self.subject}", self.email, domain)
        return next((by_name[name] for name in names if name and name in by_name), None)
