"""Bearer tokens that an identity provider signed (JWT), as the old system takes them."""

from collections.abc import Mapping

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from domain.access import Person, Principal, Scope
from domain.errors import PermanentError

# Seconds that clocks may differ.
LEEWAY_S = 30


class JsonWebTokens:
    """Checks tokens by one public key; `scopes` as in `Person.scope`. Raises PermanentError for an unusable key."""

    def __init__(self, public_key: bytes, algorithm: str, audience: str, scopes: Mapping[str, Scope]) -> None:
        try:
            load_pem_public_key(public_key)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise PermanentError(
                f"AUTH_JWT_PUBLIC_KEY isn't a file with a public key in PEM format: {error}",
                hint="It begins with -----BEGIN PUBLIC KEY-----.",
            ) from None
        self._key, self._algorithm, self._audience, self._scopes = public_key, algorithm, audience, scopes

    def find(self, token: str) -> Principal | None:
        """Return whose token it is; None if it isn't valid."""
        if token.count(".") != 2:
            return None
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                audience=self._audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError):
            return None
        person = Person.of(claims)
        return Principal(person.name, person.scope(self._scopes), expires_at=float(claims["exp"]))
