"""`reflector daily`: create, show and delete our webhook at Daily."""

from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, note, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from domain import daily
    from reflector_assets import wiring
    from reflector_assets.settings import main as configuration
    from resources.daily import api as daily_api

app = typer.Typer(help="Manage our webhook at Daily.co.", no_args_is_help=True)
webhook = typer.Typer(help="The webhook by which Daily announces recordings.", no_args_is_help=True)
app.add_typer(webhook, name="webhook")

PATH = "/v1/daily/webhook"


@webhook.command()
@recorded("daily webhook create", subject="url")
def create(
    url: Annotated[str, typer.Argument(help=f"Public URL of `reflector serve`: https://host{PATH}")],
    update: Annotated[
        bool, typer.Option("--update", help="Update an existing webhook, for example with a changed secret.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the webhook at Daily; its URL must already answer.

    Daily signs with DAILY_WEBHOOK_SECRET; if that isn't set, Daily creates a secret, which is printed only this once.
    An existing webhook is left alone if it is active, and reactivated if Daily has stopped sending to it.
    """
    _check(url)
    # Raises for a secret that isn't base64 before anything is sent to Daily.
    wiring.webhook_secrets()
    given = configuration.get_settings().daily_webhook_secret
    secret = given.get_secret_value() if given else None
    api = wiring.daily_api()
    known = next((hook for hook in api.webhooks() if hook.url.rstrip("/") == url.rstrip("/")), None)
    if known is None:
        outcome, made = "created", api.create_webhook(url, daily.EVENTS, secret)
    elif update or known.state != "ACTIVE":
        outcome = "updated" if known.state == "ACTIVE" else "reactivated"
        made = api.update_webhook(known.uuid, known.url, daily.EVENTS, secret)
    else:
        outcome, made = "exists", known
    new_secret = made.hmac.get_secret_value() if outcome == "created" and secret is None and made.hmac else None
    if as_json:
        print_json({"outcome": outcome, **_document(made), **({"secret": new_secret} if new_secret else {})})
    else:
        out.print(f"{outcome}: {made.url} ({made.state}, {made.uuid})", highlight=False, markup=False, soft_wrap=True)
        if new_secret:
            out.print("Daily created a secret and won't show it again. Put this line into .env and restart:")
            out.print(f"DAILY_WEBHOOK_SECRET={new_secret}", highlight=False, markup=False, soft_wrap=True)
    for line in _notes(outcome, made, secret):
        note(line)


def _notes(outcome: str, made: "daily_api.Webhook", secret: str | None) -> list[str]:
    """Return what is wrong with a webhook that existed before."""
    if outcome == "created":
        return []
    if secret is None:
        return [
            "DAILY_WEBHOOK_SECRET is not set, so nothing that this webhook sends is accepted. If its secret is lost, "
            "run `reflector daily webhook delete`, then `create` again."
        ]
    theirs = made.hmac.get_secret_value() if made.hmac else secret
    missing = [event for event in daily.EVENTS if event not in made.event_types]
    problems = ["it signs with another secret than DAILY_WEBHOOK_SECRET"] if theirs.strip() != secret.strip() else []
    problems += [f"it doesn't send {', '.join(missing)}"] if missing else []
    return [f"{problem}; `reflector daily webhook create {made.url} --update` corrects it." for problem in problems]


@webhook.command()
def status(as_json: AsJson = False) -> None:
    """Show our domain's webhooks and whether Daily still sends to them."""
    hooks = wiring.daily_api().webhooks()
    if as_json:
        print_json([_document(hook) for hook in hooks])
        return
    table = Table(Column("URL", overflow="fold"), "State", "Failures", "Events", Column("UUID", no_wrap=True))
    for hook in hooks:
        cells = [hook.url, hook.state, str(hook.failed_count), "\n".join(hook.event_types), hook.uuid]
        table.add_row(*map(escape, cells))
    out.print(
        table if hooks else f"There is no webhook: `reflector daily webhook create https://host{PATH}` makes one."
    )
    for hook in hooks:
        if hook.state == "FAILED":
            note(
                f"Daily stopped sending to {hook.url} after three failures in a row; meanwhile, polling finds "
                f"recordings. When the URL answers again: `reflector daily webhook create {hook.url}`"
            )


@webhook.command()
@recorded("daily webhook delete", subject="uuid")
def delete(
    uuid: Annotated[str | None, typer.Option("--uuid", help="Which webhook, if there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Delete the webhook at Daily; recordings are then found by polling."""
    api = wiring.daily_api()
    hooks = [hook for hook in api.webhooks() if uuid in {None, hook.uuid}]
    if uuid is not None and not hooks:
        raise InvalidInput(f"there is no webhook {uuid}", hint="`reflector daily webhook status` lists them.")
    if len(hooks) > 1:
        listed = ", ".join(f"{hook.uuid} ({hook.url})" for hook in hooks)
        raise InvalidInput(f"there are {len(hooks)} webhooks: {listed}", hint="Choose one with --uuid.")
    for hook in hooks:
        api.delete_webhook(hook.uuid)
    if as_json:
        print_json({"deleted": [_document(hook) for hook in hooks]})
    else:
        what = f"deleted: {hooks[0].url}" if hooks else "There is no webhook."
        out.print(what, highlight=False, markup=False, soft_wrap=True)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(f"{url!r} isn't a URL such as https://host{PATH}", param_hint="URL")


def _document(hook: "daily_api.Webhook") -> dict[str, Any]:
    return hook.model_dump(mode="json", exclude={"hmac"})
