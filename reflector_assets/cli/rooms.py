"""`reflector rooms`: the settings of rooms."""

from typing import Annotated, cast

import typer
from rich.markup import escape
from rich.table import Table

from domain.errors import InvalidInput
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_fields, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    import pydantic

    from domain import rooms as model
    from domain import vocabulary as terms
    from reflector_assets import wiring

app = typer.Typer(help="Manage the settings of rooms, keyed by the room's base name.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The room's name, without the start time that a meeting appends.")]


@app.command("set")
@recorded("rooms set", subject="name")
def set_(
    name: Name,
    language: Annotated[str | None, typer.Option(help="Spoken language: a code such as `de`, or `auto`.")] = None,
    vocabulary: Annotated[
        str | None, typer.Option(help="Names and terms to expect, separated by commas: `Kubernetes, Özge`.")
    ] = None,
    webhook_url: Annotated[str | None, typer.Option(help="URL that finished transcripts are sent to.")] = None,
    webhook_secret: Annotated[
        str | None, typer.Option(help="Secret that signs the webhook.", envvar="WEBHOOK_SECRET", show_envvar=True)
    ] = None,
    zulip_stream: Annotated[str | None, typer.Option(help="Zulip stream that transcripts are posted to.")] = None,
    zulip_topic: Annotated[str | None, typer.Option(help="Topic in that stream.")] = None,
    zulip_auto_post: Annotated[bool | None, typer.Option(help="Post finished transcripts to Zulip.")] = None,
    skip_consent: Annotated[bool | None, typer.Option(help="Keep the audio without consent.")] = None,
    old_id: Annotated[str | None, typer.Option(help="The room's id in the old system.")] = None,
    texts_after_names: Annotated[
        str | None, typer.Option(help="When generated texts follow corrected names: at_once, on_request or never.")
    ] = None,
    texts_after_words: Annotated[
        str | None, typer.Option(help="When generated texts follow corrected words: at_once, on_request or never.")
    ] = None,
    clear: Annotated[
        list[str] | None, typer.Option(help="Reset this setting, such as webhook_url; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Set some of a room's settings; the others stay."""
    given: dict[str, object] = {
        "language": language,
        "vocabulary": None if vocabulary is None else terms.parse(vocabulary),
        "webhook_url": webhook_url,
        "webhook_secret": webhook_secret,
        "zulip_stream": zulip_stream,
        "zulip_topic": zulip_topic,
        "zulip_auto_post": zulip_auto_post,
        "skip_consent": skip_consent,
        "old_id": old_id,
        "texts_after_names": texts_after_names,
        "texts_after_words": texts_after_words,
    }
    values = {field: value for field, value in given.items() if value is not None}
    for field in clear or []:
        if field not in given:
            raise InvalidInput(f"rooms have no setting {field!r}", hint=f"Settings: {', '.join(given)}.")
        values[field] = model.RoomSettings.model_fields[field].default
    try:
        model.Room(name=name)
        settings = model.RoomSettings.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise InvalidInput(f"room {name!r}: {first['loc'][0]}: {first['msg']}") from None
    with wiring.opened(wiring.rooms()) as rooms:
        _print(rooms.change(name, settings), as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the rooms that have settings."""
    with wiring.opened(wiring.rooms()) as rooms:
        found = [room.public() for room in rooms.list_rooms()]
    if as_json:
        print_json(found)
        return
    table = Table("Room", "Language", "Vocabulary", "Webhook", "Signed", "Zulip", "Posts", "Consent")
    for room in found:
        zulip = " > ".join(str(part) for part in (room["zulip_stream"], room["zulip_topic"]) if part)
        table.add_row(
            str(room["name"]),
            str(room["language"] or ""),
            escape(_joined(room["vocabulary"])),
            escape(str(room["webhook_url"] or "")),
            "yes" if room["has_webhook_secret"] else "",
            escape(zulip),
            "yes" if room["zulip_auto_post"] else "",
            "not needed" if room["skip_consent"] else "",
        )
    out.print(table if found else "No room has settings: `reflector rooms set NAME` adds some.")


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a room's settings."""
    with wiring.opened(wiring.rooms()) as rooms:
        _print(rooms.room(name), as_json=as_json)


@app.command()
@recorded("rooms delete", subject="name")
def delete(name: Name) -> None:
    """Delete a room's settings."""
    with wiring.opened(wiring.rooms()) as rooms:
        rooms.delete(name)


def _print(room: "model.Room", *, as_json: bool) -> None:
    fields = room.public()
    if as_json:
        print_json(fields)
    else:
        print_fields({**fields, "vocabulary": _joined(fields["vocabulary"])})


def _joined(vocabulary: object) -> str:
    return ", ".join(cast(list[str], vocabulary))
