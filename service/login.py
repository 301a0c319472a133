"""Sign-in of people by an OpenID Connect provider: the authorization code flow with state, nonce and PKCE."""

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response

from domain.access import Person, Scope
from domain.errors import TransientError
from service.errors import Refused

PATH = "/v1/login"
CALLBACK = f"{PATH}/callback"
# Holds state, nonce and the code verifier between the two requests.
COOKIE, COOKIE_S = "reflector_login", 600
TIMEOUT_S = 10
# Pages of ours, to one of which the browser returns.
PAGE = re.compile(r"/(transcripts/[A-Za-z0-9][A-Za-z0-9._-]*|costs)?")

log = logging.getLogger(__name__)


class Login:
    """Redirects browsers to the provider, and identifies people when they return."""

    def __init__(
        self, issuer: str, client_id: str, client_secret: str, *, page_url: str, scopes: Mapping[str, Scope]
    ) -> None:
        self._issuer, self._client_id, self._secret, self.scopes = issuer, client_id, client_secret, scopes
        self._redirect_uri = page_url.rstrip("/") + CALLBACK
        self._secure = page_url.lower().startswith("https:")
        # The library has no types.
        registry: Any = OAuth()
        self._client: Any = registry.register(
            "reflector",
            client_id=client_id,
            client_secret=client_secret,
            server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256", "timeout": TIMEOUT_S},
        )

    def middleware(self) -> Middleware:
        """Return what keeps the state of a sign-in in a signed cookie."""
        key = hmac.new(self._secret.encode(), b"the cookie of a sign-in", hashlib.sha256).hexdigest()
        options: dict[str, Any] = {"session_cookie": COOKIE, "max_age": COOKIE_S, "path": PATH}
        return Middleware(SessionMiddleware, secret_key=key, same_site="lax", https_only=self._secure, **options)

    async def redirect(self, request: Request, page: str) -> Response:
        """Return a redirect to the provider; raises TransientError if it doesn't answer."""
        request.session["page"] = page if PAGE.fullmatch(page) else "/"
        try:
            return await self._client.authorize_redirect(request, self._redirect_uri)
        except (httpx2.HTTPError, ValueError, RuntimeError) as error:
            raise _unavailable(error) from None

    async def finish(self, request: Request) -> tuple[Person, str]:
        """Return who signed in, and the page to return to; raises Refused (401) and TransientError."""
        page = request.session.pop("page", "/")
        expected = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        try:
            token = await self._client.authorize_access_token(request, claims_options=expected)
            claims = token["userinfo"]
            if "email" not in claims:
                claims = {**await self._client.userinfo(token=token), "sub": claims["sub"]}
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            log.warning("a sign-in failed: %s", " ".join(str(error).split())[:300] or type(error).__name__)
            raise Refused(401, "the sign-in failed or took too long; begin again") from None
        except (httpx2.HTTPError, RuntimeError) as error:
            raise _unavailable(error) from None
        return Person.of(claims), page


def _unavailable(error: Exception) -> TransientError:
    return TransientError(
        f"the identity provider can't be used: {type(error).__name__}", hint="Check REFLECTOR_OIDC_ISSUER."
    )
