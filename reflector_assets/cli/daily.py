"""Our webhook at Daily: make it, look at it, delete it."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.daily import NOTED, READY
from domain.errors import InvalidInput
from reflector_assets.cli.output import AsJson, err, out, print_json

if TYPE_CHECKING:
    from resources.daily.api import Webhook

app = typer.Typer(help="Our side of Daily.co.", no_args_is_help=True)
webhook = typer.Typer(help="The webhook by which Daily tells of recordings.", no_args_is_help=True)
app.add_typer(webhook, name="webhook")

EVENTS = (READY, "recording.error", *NOTED)
PATH = "/v1/daily/webhook"


@webhook.command()
def create(
    url: Annotated[str, typer.Argument(help=f"Where Daily reaches `reflector serve`: https://host{PATH}")],
    update: Annotated[
        bool, typer.Option("--update", help="Send our secret to a webhook that exists, as when it is changed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Have Daily tell of recordings at this URL, which must answer already.

    Daily signs with DAILY_WEBHOOK_SECRET; where that isn't set, it makes a secret, which is printed this once. One
    that exists is left alone when it is active, and reactivated when Daily has stopped sending to it.
    """
    from reflector_assets import wiring  # noqa: PLC0415
    from reflector_assets.settings.main import get_settings  # noqa: PLC0415

    _check(url)
    # Names the setting that is no base64, before Daily is asked.
    wiring.webhook_secrets()
    given = get_settings().daily_webhook_secret
    secret = given.get_secret_value() if given else None
    api = wiring.daily_api()
    known = next((hook for hook in api.webhooks() if hook.url.rstrip("/") == url.rstrip("/")), None)
    if known is None:
        outcome, made = "created", api.create_webhook(url, EVENTS, secret)
    elif update or known.state != "ACTIVE":
        outcome = "updated" if known.state == "ACTIVE" else "reactivated"
        made = api.update_webhook(known.uuid, known.url, EVENTS, secret)
    else:
        outcome, made = "exists", known
    shown = made.hmac.get_secret_value() if outcome == "created" and secret is None and made.hmac else None
    if as_json:
        print_json({"outcome": outcome, **_about(made), **({"secret": shown} if shown else {})})
    else:
        out.print(f"{outcome}: {made.url} ({made.state}, {made.uuid})", highlight=False, markup=False, soft_wrap=True)
        if shown:
            out.print("Daily made a secret and won't show it again. Put this line into .env and restart:")
            out.print(f"DAILY_WEBHOOK_SECRET={shown}", highlight=False, markup=False, soft_wrap=True)
    for note in _notes(outcome, made, secret):
        _note(note)


def _notes(outcome: str, made: "Webhook", secret: str | None) -> list[str]:
    """What a user should know of a webhook that was there before."""
    if outcome == "created":
        return []
    if secret is None:
        return [
            "DAILY_WEBHOOK_SECRET is not set, so nothing that this webhook sends is accepted; if its secret is lost: "
            "`reflector daily webhook delete`, then `create` again."
        ]
    theirs = made.hmac.get_secret_value() if made.hmac else secret
    missing = [event for event in EVENTS if event not in made.event_types]
    notes = ["it signs with another secret than DAILY_WEBHOOK_SECRET"] if theirs.strip() != secret.strip() else []
    notes += [f"it doesn't tell of {', '.join(missing)}"] if missing else []
    return [f"{note}; `reflector daily webhook create {made.url} --update` changes that." for note in notes]


@webhook.command()
def status(as_json: AsJson = False) -> None:
    """Show the webhooks of our domain and whether Daily still sends to them."""
    from reflector_assets import wiring  # noqa: PLC0415

    hooks = wiring.daily_api().webhooks()
    if as_json:
        print_json([_about(hook) for hook in hooks])
        return
    table = Table(Column("URL", overflow="fold"), "State", "Failures", "Events", Column("UUID", no_wrap=True))
    for hook in hooks:
        cells = [hook.url, hook.state, str(hook.failed_count), "\n".join(hook.event_types), hook.uuid]
        table.add_row(*map(escape, cells))
    out.print(table if hooks else f"There is none: `reflector daily webhook create https://host{PATH}` makes one.")
    for hook in hooks:
        if hook.state == "FAILED":
            _note(
                f"Daily stopped sending to {hook.url} after three failures in a row; polling finds recordings "
                f"meanwhile. When it answers again: `reflector daily webhook create {hook.url}`"
            )


@webhook.command()
def delete(
    uuid: Annotated[str | None, typer.Option("--uuid", help="Which one, where there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have Daily send no more; recordings are then found by polling."""
    from reflector_assets import wiring  # noqa: PLC0415

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
        print_json({"deleted": [_about(hook) for hook in hooks]})
    else:
        what = f"deleted: {hooks[0].url}" if hooks else "There is no webhook."
        out.print(what, highlight=False, markup=False, soft_wrap=True)


def _note(line: str) -> None:
    err.print(f"[yellow]note[/] {escape(line)}", highlight=False, soft_wrap=True)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise typer.BadParameter(f"{url!r} is no URL such as https://host{PATH}", param_hint="URL")


def _about(hook: "Webhook") -> dict[str, Any]:
    return hook.model_dump(mode="json", exclude={"hmac"})
