"""People: bearer tokens that an identity provider signed, and sign-in by OpenID Connect against a stand-in."""

# pyright: basic

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import HMACAlgorithm

from domain.access import Person, Scope
from domain.errors import PermanentError
from resources.database.tables import sessions
from service.json_web_tokens import JsonWebTokens
from service.login import COOKIE as LOGIN_COOKIE
from service.login import Login
from service.sessions import COOKIE
from testing import PATIENCE_S
from testing.hosts.oidc_host import OIDCHost
from testing.parts import free_ports
from tests.service.in_process import BEARER
from tests.service.test_access import ID, OWN, World, bearer

SCOPES = {"@example.com": Scope.READ, "Ann@example.com": Scope.WRITE, "sub:root": Scope.OPERATE}
PATH = f"/v1/transcripts/{ID}"
PAGE = f"/transcripts/{ID}"


class Site:
    """A service with an identity provider."""

    def __init__(self, folder: Path, host: OIDCHost) -> None:
        [self.port] = free_ports(1)
        self.host, self.url = host, f"http://127.0.0.1:{self.port}"
        host.redirect_uri = f"{self.url}/v1/login/callback"
        self.world = World(
            folder,
            login=Login(host.url, host.client_id, host.client_secret, page_url=self.url, scopes=SCOPES),
            web_tokens=JsonWebTokens(host.public_key, "RS256", host.client_id, SCOPES),
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with OIDCHost() as host:
        site = Site(tmp_path_factory.mktemp("people"), host)
        with site.world.running(site.port):
            yield site


@pytest.fixture
def host(site: Site) -> Iterator[OIDCHost]:
    """The provider as it was, whatever a test changes."""
    before = dict(site.host.claims)
    yield site.host
    site.host.claims, site.host.userinfo, site.host.changed = before, {}, {}
    site.host.signer, site.host.denies = site.host.key, False
    site.host.requests.clear()
    site.host.refused.clear()


@pytest.fixture
def browser() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=PATIENCE_S) as browser:
        yield browser


def scopes(site: Site, token: str) -> list[str]:
    return site.world.client.get("/v1/session", headers=bearer(token)).json()["scopes"]


def test_a_person_has_the_scope_of_the_most_exact_entry() -> None:
    found = {
        ("root", "ann@example.com"): Scope.OPERATE,
        ("x", "ANN@example.com"): Scope.WRITE,
        ("x", "ben@Example.com"): Scope.READ,
        ("x", "ben@example.com.evil.test"): None,
        ("x", "ben@sub.example.com"): None,
        ("Root", None): None,
        ("@example.com", None): None,
    }
    for (subject, email), scope in found.items():
        assert Person.of({"sub": subject, "email": email}).scope(SCOPES) == scope, (subject, email)
    for unverified in (False, "false"):
        claims = {"sub": "x", "email": "ann@example.com", "email_verified": unverified}
        assert Person.of(claims).scope(SCOPES) is None


def test_a_jwt_is_a_bearer_token_with_the_scope_of_its_person(site: Site, host: OIDCHost) -> None:
    assert scopes(site, host.token()) == ["read", "write"]
    assert scopes(site, host.token(sub="root", email=None)) == ["read", "write", "operate"]
    assert site.world.client.get(PATH, headers=bearer(host.token(email="ben@example.com"))).status_code == 200
    stranger = site.world.client.get(PATH, headers=bearer(host.token(email="ann@evil.test")))
    assert (stranger.status_code, "no access" in stranger.json()["detail"]) == (403, True)
    unverified = host.token(email_verified=False)
    assert site.world.client.get(PATH, headers=bearer(unverified)).status_code == 403


def test_what_isn_t_signed_for_us_is_refused(site: Site, host: OIDCHost) -> None:
    now = int(time.time())
    claims = {"sub": "root", "aud": host.client_id, "exp": now + 60}
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def encoded(part: Any) -> str:
        return (
            base64.urlsafe_b64encode(part if isinstance(part, bytes) else json.dumps(part).encode())
            .decode()
            .rstrip("=")
        )

    head, body, signature = host.token(sub="root").split(".")
    # With HS256, the public key would be the secret.
    by_public_key = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
    hmac = HMACAlgorithm(HMACAlgorithm.SHA256).sign(by_public_key.encode(), host.public_key)
    wrong = {
        "expired": host.token(sub="root", exp=now - 60),
        "not yet valid": host.token(sub="root", nbf=now + 600),
        "for others": host.token(sub="root", aud="another"),
        "for nobody": host.token(sub="root", aud=None),
        "without an end": host.token(sub="root", exp=None),
        "without a subject": host.token(sub=None),
        "another key": jwt.encode(claims, foreign, algorithm="RS256"),
        "another algorithm": jwt.encode(claims, host.key, algorithm="RS512"),
        "no signature": f"{encoded({'alg': 'none'})}.{encoded(claims)}.",
        "the public key": f"{by_public_key}.{encoded(hmac)}",
        "changed": f"{head}.{encoded({**claims, 'sub': 'other'})}.{signature}",
        "cut": f"{head}.{body}.{signature[:-2]}",
        "nonsense": "a.b.c",
    }
    for what, token in wrong.items():
        assert site.world.client.get(PATH, headers=bearer(token)).status_code == 401, what


def test_a_session_of_a_jwt_ends_with_it(site: Site, host: OIDCHost) -> None:
    soon = int(time.time()) + 60
    headers = site.world.session(host.token(exp=soon))
    assert site.world.client.get(PATH, headers=headers).status_code == 200
    with site.world.database.begin() as connection:
        ending = sa.select(sa.func.count()).where(sessions.c.expires_at.between(soon - 5, soon + 1))
        assert connection.scalar(ending) == 1


def test_an_unusable_key_is_named() -> None:
    with pytest.raises(PermanentError, match="AUTH_JWT_PUBLIC_KEY"):
        JsonWebTokens(b"-----BEGIN PUBLIC KEY-----\nno\n", "RS256", "reflector", {})


def sign_in(site: Site, browser: httpx.Client, page: str = PAGE, **changed: str) -> httpx.Response:
    """Follow a sign-in to its end; `changed` are parameters of the last redirect. Returns the callback's answer."""
    began = browser.get(f"{site.url}/v1/login", params={"page": page})
    assert began.status_code == 302, began.text
    back = browser.get(began.headers["location"])
    assert back.status_code == 302, back.text
    target = urlsplit(back.headers["location"])
    return browser.get(f"{site.url}{target.path}?{urlencode({**dict(parse_qsl(target.query)), **changed})}")


def test_people_sign_in_and_get_the_scope_of_their_account(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    assert browser.get(f"{site.url}/v1/session").json()["login"] == "/v1/login"
    done = sign_in(site, browser)
    assert (done.status_code, done.headers["location"]) == (303, PAGE)
    flags = done.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=strict", f"max-age={12 * 3600}"))
    session = browser.get(f"{site.url}/v1/session", headers=OWN).json()
    assert session["scopes"] == ["read", "write"]
    assert session["name"] == "account 248289761001 (ann@example.com)"
    assert browser.post(f"{site.url}{PATH}/retry", headers=OWN).status_code == 202
    retry, begin = site.world.client.get("/v1/audit?size=2", headers=BEARER).json()["items"]
    assert (begin["who"], begin["action"], begin["outcome"]) == (session["name"], "sign in", "done")
    assert retry["who"] == session["name"]
    assert browser.delete(f"{site.url}/v1/session", headers=OWN).status_code == 204
    assert browser.get(f"{site.url}{PATH}").status_code == 401
    # The stand-in checks client, redirect URI, state, nonce, PKCE and the client's secret.
    assert host.refused == []
    assert [one.path for one in host.requests if one.method == "POST"] == ["/token"]


@pytest.mark.parametrize(
    ("page", "reached"),
    [
        ("/", "/"),
        ("/costs", "/costs"),
        *(
            (one, "/")
            for one in ("https://evil.test/", "//evil.test", "/\\evil.test", "/transcripts/../x", "/v1/rooms", "")
        ),
        ("/transcripts/a\r\nSet-Cookie: x=y", "/"),
    ],
)
def test_it_returns_to_our_own_pages_only(
    site: Site, host: OIDCHost, browser: httpx.Client, page: str, reached: str
) -> None:
    assert sign_in(site, browser, page).headers["location"] == reached


def test_an_address_that_only_userinfo_has_counts(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    host.claims, host.userinfo = {"sub": "7"}, {"email": "ben@example.com", "email_verified": True}
    assert sign_in(site, browser).status_code == 303
    assert browser.get(f"{site.url}/v1/session", headers=OWN).json()["scopes"] == ["read"]


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["another", "reflector"], "azp": "another"},
        {"iss": "https://evil.test"},
        {"exp": 1},
        {"sub": None},
        {"iat": None},
    ],
    ids=str,
)
def test_a_wrong_id_token_begins_no_session(
    site: Site, host: OIDCHost, browser: httpx.Client, claims: dict[str, Any]
) -> None:
    host.changed = claims
    refused = sign_in(site, browser)
    assert (refused.status_code, COOKIE in browser.cookies) == (401, False)


def test_nor_does_one_by_another_key_or_a_refusal(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    host.signer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert sign_in(site, browser).status_code == 401
    host.signer, host.denies = host.key, True
    assert sign_in(site, browser).status_code == 401
    assert COOKIE not in browser.cookies


def test_nor_does_the_answer_to_another_browser(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    """Its state is of the browser that began: nobody is signed in as somebody else by a link."""
    assert sign_in(site, browser, state="of-somebody-else").status_code == 401
    assert sign_in(site, browser, code="of-somebody-else").status_code == 401
    began = browser.get(f"{site.url}/v1/login")
    back = browser.get(began.headers["location"]).headers["location"]
    assert httpx.get(back, trust_env=False).status_code == 401
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 401, "once"
    assert LOGIN_COOKIE not in httpx.get(f"{site.url}/v1/session", trust_env=False).headers.get("set-cookie", "")


@pytest.mark.parametrize("claims", [{"email": "ann@evil.test"}, {"email_verified": False}])
def test_who_has_no_scope_gets_no_session(
    site: Site, host: OIDCHost, browser: httpx.Client, claims: dict[str, Any]
) -> None:
    host.changed = claims
    refused = sign_in(site, browser)
    assert (refused.status_code, COOKIE in browser.cookies) == (403, False)
    assert "REFLECTOR_PEOPLE" not in refused.text


def test_browsers_get_a_page_with_the_reason(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    browser.headers["accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    host.changed = {"email": "ann@evil.test"}
    refused = sign_in(site, browser)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "This account has no access; ask the operator of this service." in refused.text
    assert refused.headers["cache-control"] == "no-store"
    assert "default-src 'self'" in refused.headers["content-security-policy"]


def test_a_provider_that_is_down_is_a_503(site: Site, host: OIDCHost, browser: httpx.Client) -> None:
    began = browser.get(f"{site.url}/v1/login")
    back = browser.get(began.headers["location"]).headers["location"]
    host.fail(1, 500, when=lambda call: call.path == "/token")
    assert browser.get(back).status_code in {401, 503}
    assert site.world.client.get("/v1/login").status_code == 302
    with site.world.client.stream("GET", "/health") as alive:
        assert alive.status_code == 200
