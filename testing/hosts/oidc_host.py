"""A stand-in for an OpenID Connect provider: checks what the specifications demand of a client, and signs tokens.

OpenID Connect Core 1.0 (3.1), Discovery 1.0, RFC 6749 (4.1) and RFC 7636 (PKCE).
"""

# pyright: basic

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from testing.hosts.host import Answer, Host, Request


@dataclass
class OIDCHost(Host[Request]):
    """Whoever comes to the authorization endpoint is signed in as the person in `claims`.

    `changed` replaces claims of ID tokens, `signer` the key that signs them; `userinfo` is what else is known.
    """

    client_id: str = "reflector"
    client_secret: str = "secret-of-the-client"
    redirect_uri: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"sub": "248289761001", "email": "ann@example.com"})
    userinfo: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    denies: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.key = self.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.codes: dict[str, dict[str, str]] = {}
        self.access_tokens: set[str] = set()

    @property
    def public_key(self) -> bytes:
        """The key that its tokens are verified with, as PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def token(self, **claims: Any) -> str:
        """Sign a token; claims that are None are left out."""
        now = int(time.time())
        every = {"iss": self.url, "aud": self.client_id, "iat": now, "exp": now + 300, **self.claims, **claims}
        given = {name: value for name, value in every.items() if value is not None}
        return jwt.encode(given, self.signer, algorithm="RS256", headers={"kid": "1"})

    def read(self, request: Request) -> Request | Answer:
        paths = {"/.well-known/openid-configuration": "GET", "/jwks": "GET", "/authorize": "GET", "/userinfo": "GET"}
        if paths.get(request.path, "POST" if request.path == "/token" else "") != request.method:
            return self.error(404, f"no {request.method} {request.path}")
        wrong = {"/authorize": self._wrong_request, "/token": self._wrong_exchange}.get(request.path)
        problem = wrong(request) if wrong else None
        return Answer(400, {"error": "invalid_request", "error_description": problem}) if problem else request

    def _wrong_request(self, request: Request) -> str | None:
        query = request.query
        if query.get("response_type") != "code" or query.get("client_id") != self.client_id:
            return "response_type or client_id"
        if query.get("redirect_uri") != self.redirect_uri:
            return "redirect_uri isn't registered"
        if "openid" not in query.get("scope", "").split():
            return "scope"
        if len(query.get("state", "")) < 16 or len(query.get("nonce", "")) < 16:
            return "state and nonce are needed, and unguessable"
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return "PKCE with S256 is needed"
        return None

    def _wrong_exchange(self, request: Request) -> str | None:
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}":
            return "client authentication"
        if not request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return "it must be a form"
        form = request.form()
        # A code is valid once.
        asked = self.codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or asked is None:
            return "grant_type or code"
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return "another redirect_uri"
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return "code_verifier"
        request.query = asked
        return None

    def reply(self, call: Request) -> Answer:
        return {
            "/.well-known/openid-configuration": self._discovery,
            "/jwks": self._keys,
            "/authorize": self._authorize,
            "/token": self._exchange,
            "/userinfo": self._userinfo,
        }[call.path](call)

    def _discovery(self, _: Request) -> Answer:
        return Answer(
            body={
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def _keys(self, _: Request) -> Answer:
        key = json.loads(RSAAlgorithm.to_jwk(self.key.public_key()))
        return Answer(body={"keys": [{**key, "kid": "1", "use": "sig", "alg": "RS256"}]})

    def _authorize(self, call: Request) -> Answer:
        answer = {"state": call.query["state"]}
        if self.denies:
            answer |= {"error": "access_denied"}
        else:
            answer["code"] = secrets.token_urlsafe(16)
            self.codes[answer["code"]] = call.query
        return Answer(302, b"", {"Location": f"{self.redirect_uri}?{urlencode(answer)}"})

    def _exchange(self, call: Request) -> Answer:
        access_token = secrets.token_urlsafe(16)
        self.access_tokens.add(access_token)
        id_token = self.token(**{"nonce": call.query["nonce"], **self.changed})
        body = {"access_token": access_token, "token_type": "Bearer", "expires_in": 300, "id_token": id_token}
        return Answer(body=body, headers={"Cache-Control": "no-store"})

    def _userinfo(self, call: Request) -> Answer:
        if call.headers.get("Authorization", "").removeprefix("Bearer ") not in self.access_tokens:
            return self.error(401, "no access token")
        return Answer(body={"sub": self.claims["sub"], **self.userinfo})
