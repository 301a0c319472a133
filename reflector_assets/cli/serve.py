"""The service, as a process of its own."""

import gc
import ipaddress
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Annotated

import typer

from domain.errors import InvalidInput, PermanentError, TransientError
from domain.health import Outcome
from reflector_assets.cli.output import complain

app = typer.Typer()

# Seconds that each door may take to answer a probe.
READY_WITHIN_S = 5.0


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen at; else REFLECTOR_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen at; else REFLECTOR_PORT.", min=0, max=65535)] = None,
    trial: Annotated[
        bool, typer.Option("--trial", help="Take unsigned webhooks and serve the API without a token, on 127.0.0.1.")
    ] = False,
) -> None:
    """Receive Daily's webhook and serve the HTTP API until it is ended (SIGTERM or Ctrl-C)."""
    import uvicorn  # noqa: PLC0415

    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.operations.queries import (  # noqa: PLC0415
        All,
        DagsterRecordings,
        books,
        prices,
    )
    from reflector_assets.runtime.instance import open_instance  # noqa: PLC0415
    from reflector_assets.settings.main import get_settings  # noqa: PLC0415
    from service.app import build  # noqa: PLC0415
    from service.auth import Access  # noqa: PLC0415
    from service.ports import Accounts, Listing, Shown  # noqa: PLC0415

    settings = get_settings()
    host, port, trial = host or settings.host, settings.port if port is None else port, trial or settings.trial
    secrets = wiring.webhook_secrets()
    if not secrets and not trial:
        raise PermanentError(
            "DAILY_WEBHOOK_SECRET isn't set, so nobody could tell Daily's webhooks from anybody else's",
            hint="Make one with `openssl rand -base64 32`; `reflector serve --trial` goes without on 127.0.0.1.",
        )
    if trial and not _is_loopback(host):
        raise InvalidInput(
            f"a trial listens on this machine only, not at {host}", hint="Leave --trial and REFLECTOR_TRIAL away."
        )
    with (
        wiring.opened(wiring.inbox()) as inbox,
        wiring.opened(wiring.rooms()) as rooms,
        wiring.opened(wiring.consents()) as consents,
        wiring.opened(wiring.relays()) as relays,
        wiring.opened(wiring.store()) as store,
        books() as (catalogue, ledger),
        closing(DagsterRecordings(open_instance, store)) as recordings,
    ):
        everything = All(recordings.asked, store, catalogue, ledger)
        service = build(
            inbox,
            rooms,
            consents,
            secrets=secrets,
            window=settings.webhook_window,
            access=Access(
                settings.api_token.get_secret_value() if settings.api_token else None,
                trial=trial,
                public=settings.public_mode,
            ),
            look=_look(),
            origins=settings.origins,
            relay=partial(relays.work, "relay") if inbox.relays else None,
            shown=Shown(
                recordings,
                store,
                Listing(catalogue, everything.follow_recordings, everything.states),
                Accounts(ledger, everything.catch_up, prices(settings), everything.queues),
            ),
        )
        try:
            _ = inbox.database.engine
        except TransientError as error:
            complain(f"{error} Until it does, webhooks are answered 503.")
        # What is loaded by now stays: to look through it for garbage takes as long as to answer.
        gc.collect()
        gc.freeze()
        uvicorn.run(service, host=host, port=port, access_log=False, server_header=False, timeout_graceful_shutdown=10)


def _look() -> Callable[[], tuple[bool, list[Outcome]]]:
    """Make what tells whether the deployment is ready."""
    from reflector_assets.health.probes import examine_doors  # noqa: PLC0415
    from reflector_assets.health.readiness import Readiness, is_ready  # noqa: PLC0415

    readiness = Readiness(lambda names: examine_doors(names, READY_WITHIN_S))

    def look() -> tuple[bool, list[Outcome]]:
        outcomes = readiness.outcomes()
        return is_ready(outcomes), outcomes

    return look


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
