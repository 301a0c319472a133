"""A real OpenID Connect provider for tests: Canaille, with its pages, keys and sessions, from a package."""

# pyright: basic

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import httpx

from testing.deployment import ROOT
from testing.parts import free_ports, wait_until_it_answers

CLIENT_ID, CLIENT_SECRET = "reflector", "secret-of-the-client"
PASSWORD = "password-of-the-tests"


class IdentityProvider:
    """A provider on 127.0.0.1 and a free port, its log in `folder`; a context manager. 2 s to start.

    `people` are addresses; each has the account named before the @, and PASSWORD. One client is registered, which
    asks for no consent.
    """

    client_id, client_secret, password = CLIENT_ID, CLIENT_SECRET, PASSWORD

    def __init__(self, folder: Path, redirect_uri: str, people: list[str]) -> None:
        self.log, self.redirect_uri, self.people = folder / "identity-provider.log", redirect_uri, people
        [self.port] = free_ports(1)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        arguments = json.dumps([self.port, self.redirect_uri, self.people])
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "testing.parts.identity_provider", arguments]
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until_it_answers(self._discover, self.process, self.log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _discover(self) -> None:
        httpx.get(f"{self.url}/.well-known/openid-configuration", trust_env=False).raise_for_status()

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def _serve(port: int, redirect_uri: str, people: list[str]) -> None:
    # Only the provider's own process imports it.
    from canaille import create_app
    from canaille.app import models
    from canaille.backends import Backend
    from werkzeug.serving import make_server

    made: Any = models
    config = {
        "SECRET_KEY": "of-the-tests",
        "SERVER_NAME": f"127.0.0.1:{port}",
        "PREFERRED_URL_SCHEME": "http",
        "SESSION_COOKIE_NAME": "canaille",
        "CANAILLE": {"DATABASE": "memory", "SMTP": None, "EMAIL_CONFIRMATION": False},
        "CANAILLE_OIDC": {"REQUIRE_NONCE": True},
    }
    app = create_app(config=config, env_file=os.devnull)
    with app.app_context():
        backend = Backend.instance
        for address in people:
            name = address.partition("@")[0]
            person = made.User(user_name=name, formatted_name=name, family_name=name, emails=[address])
            person.password = PASSWORD
            backend.save(person)
        client = made.Client(
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
            client_name="Reflector",
            client_uri=redirect_uri,
            redirect_uris=[redirect_uri],
            response_types=["code"],
            grant_types=["authorization_code"],
            scope=["openid", "email"],
            token_endpoint_auth_method="client_secret_basic",
        )
        backend.save(client)
        # Known only once it is saved.
        client.audience = [client]
        backend.save(client)
    make_server("127.0.0.1", port, app, threaded=True).serve_forever()


if __name__ == "__main__":
    _serve(*json.loads(sys.argv[1]))
