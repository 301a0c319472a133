"""`reflector share`: links that let everyone who has them read one transcript."""

from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, RecordingId, err, out, print_json, timestamp
from reflector_assets.cli.recorded import recorded, user

with on_first_use():
    from domain import notifications
    from reflector_assets import wiring
    from reflector_assets.operations import runs
    from reflector_assets.runtime import instance as instances
    from reflector_assets.settings import main as configuration
    from resources.database import shares as database


class CreateByDefault(TyperGroup):
    """A group in which `share ID` means `share create ID`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Insert the name of the command if there is none."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            args = ["create", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=CreateByDefault,
    help="Make, list and withdraw links that let everyone who has them read one transcript.",
    no_args_is_help=True,
)


@app.command()
@recorded("share create", recording="recording_id")
def create(
    recording_id: RecordingId,
    days: Annotated[int, typer.Option(help="Days until the link expires.", min=1, max=366)] = 7,
    as_json: AsJson = False,
) -> None:
    """Make a link, and print it: it can't be printed again. `reflector share ID` does the same."""
    page_url = configuration.get_settings().page_url
    with instances.open_instance() as instance:
        recording_id = runs.known(instance, recording_id, wiring.store())
    with wiring.opened(wiring.shares()) as shares:
        share, token = shares.create(recording_id, days * 86400.0, user())
    url = notifications.share_page(page_url, recording_id, token)
    if as_json:
        print_json({"url": url, **_document(share)})
        return
    out.print(url, highlight=False, markup=False, soft_wrap=True)
    err.print(f"It ends {timestamp(share.expires_at)}, or by `reflector share withdraw {share.id}`.")


@app.command("list")
def list_(
    recording: Annotated[str | None, typer.Option(help="Only links to the recording with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the links that are valid, without the links themselves."""
    with wiring.opened(wiring.shares()) as shares:
        found = shares.all(recording)
    if as_json:
        print_json([_document(one) for one in found])
        return
    table = Table("Link", "Recording", "Expires", "By")
    for one in found:
        table.add_row(one.id, one.recording_id, timestamp(one.expires_at), one.created_by)
    out.print(table if found else "There are no links.")


@app.command()
@recorded("share withdraw", subject="link")
def withdraw(link: Annotated[str, typer.Argument(help="The link's id, as in the list.")]) -> None:
    """End a link at once."""
    with wiring.opened(wiring.shares()) as shares:
        shares.withdraw(link)


def _document(one: "database.Share") -> dict[str, Any]:
    return {
        **one._asdict(),
        "created_at": timestamp(one.created_at),
        "expires_at": timestamp(one.expires_at),
    }
