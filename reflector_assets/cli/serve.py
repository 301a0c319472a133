"""`reflector serve`: the HTTP service."""

import gc
import ipaddress
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Annotated

import typer

from domain.errors import InvalidInput, PermanentError, TransientError
from domain.health import Outcome
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import complain

with on_first_use():
    import uvicorn

    from reflector_assets import old_wiring, wiring
    from reflector_assets.health import probes, readiness
    from reflector_assets.operations import queries
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration
    from service import app as application
    from service import auth, json_web_tokens, login, ports, server
    from service import listeners as event_listeners

app = typer.Typer()

# Time limit of each readiness check, in seconds.
READY_WITHIN_S = 5.0


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: REFLECTOR_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; default: REFLECTOR_PORT.", min=0, max=65535)
    ] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="Accept unsigned webhooks and serve the API without a token, on 127.0.0.1.")
    ] = False,
) -> None:
    """Receive Daily's webhooks and serve the HTTP API until stopped (SIGTERM or Ctrl-C)."""
    settings = configuration.get_settings()
    host, port, trial = host or settings.host, settings.port if port is None else port, trial or settings.trial
    secrets = wiring.webhook_secrets()
    if not secrets and not trial:
        raise PermanentError(
            "DAILY_WEBHOOK_SECRET isn't set: webhooks from Daily couldn't be told from forged ones",
            hint="Create one with `openssl rand -base64 32`; `reflector serve --trial` needs none on 127.0.0.1.",
        )
    if trial and not _is_loopback(host):
        raise InvalidInput(
            f"a trial listens on this machine only, not on {host}", hint="Omit --trial and REFLECTOR_TRIAL."
        )
    if trial and settings.origins:
        raise InvalidInput(
            "a trial is for this machine's own pages: CORS_ORIGIN would let others use it without a token",
            hint="Unset CORS_ORIGIN, or omit --trial and REFLECTOR_TRIAL.",
        )
    with (
        wiring.opened(wiring.inbox()) as inbox,
        wiring.opened(wiring.rooms()) as rooms,
        wiring.opened(wiring.consents()) as consents,
        wiring.opened(old_wiring.relays()) as relays,
        wiring.opened(wiring.sessions()) as sessions,
        wiring.opened(wiring.tokens()) as tokens,
        wiring.opened(wiring.audit()) as audit,
        wiring.opened(wiring.shares()) as shares,
        wiring.opened(wiring.store()) as store,
        queries.catalogue_and_ledger() as (catalogue, ledger),
        closing(queries.DagsterRecordings(instances.open_instance, store, wiring.correction_history())) as recordings,
    ):
        everything = queries.AllRecordings(recordings.connect, store, catalogue, ledger)
        service = application.build(
            inbox,
            rooms,
            consents,
            audit,
            shares,
            secrets=secrets,
            window=settings.webhook_window,
            access=auth.Access(
                settings.api_token.get_secret_value() if settings.api_token else None,
                tokens,
                sessions,
                shares,
                trial=trial,
                public=settings.public_mode,
                https=settings.page_url.lower().startswith("https:"),
                web_tokens=_web_tokens(settings),
            ),
            login=_login(settings),
            check_ready=_readiness_check(),
            origins=settings.origins,
            hosts=settings.hosts,
            page_url=settings.page_url,
            listeners=event_listeners.Listeners(settings.listeners_per_client),
            relay=partial(relays.deliver_due, "relay") if inbox.relays else None,
            ports=ports.Ports(
                recordings,
                store,
                ports.Listing(catalogue, everything.follow_recordings, everything.states),
                ports.Accounts(ledger, everything.catch_up, queries.prices(settings), everything.queues),
            ),
        )
        try:
            _ = inbox.database.engine
        except TransientError as error:
            complain(f"{error} Until then, webhooks are answered with 503.")
        # Everything loaded so far stays: scanning it for garbage takes as long as answering a request.
        gc.collect()
        gc.freeze()
        uvicorn.Server(server.configure(service, host, port)).run()


def _readiness_check() -> Callable[[], tuple[bool, list[Outcome]]]:
    """Return the readiness check of this deployment."""
    services = readiness.Readiness(partial(probes.check_services, seconds=READY_WITHIN_S))

    def check() -> tuple[bool, list[Outcome]]:
        outcomes = services.outcomes()
        return readiness.is_ready(outcomes), outcomes

    return check


def _web_tokens(settings: "configuration.Settings") -> "json_web_tokens.JsonWebTokens | None":
    """Return what checks the bearer tokens of the identity provider."""
    if settings.jwt_public_key is None:
        return None
    try:
        key = settings.jwt_public_key.read_bytes()
    except OSError as error:
        raise PermanentError(f"AUTH_JWT_PUBLIC_KEY can't be read: {error}") from None
    return json_web_tokens.JsonWebTokens(key, settings.jwt_algorithm, settings.jwt_audience or "", settings.people)


def _login(settings: "configuration.Settings") -> "login.Login | None":
    """Return the sign-in by an identity provider."""
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        return None
    return login.Login(
        settings.oidc_issuer,
        settings.oidc_client_id or "",
        settings.oidc_client_secret.get_secret_value(),
        page_url=settings.page_url,
        scopes=settings.people,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
