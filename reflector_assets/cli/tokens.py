"""`reflector tokens`: tokens of the HTTP API with names and scopes."""

import time
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, err, out, print_json, timestamp
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from domain import access
    from reflector_assets import wiring
    from resources.database import tokens as database

app = typer.Typer(help="Make, list and revoke tokens of the HTTP API.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The token's name, as in the audit log.")]


@app.command()
@recorded("tokens create", subject="name")
def create(
    name: Name,
    scope: Annotated[
        Literal["read", "write", "operate"],
        typer.Option(help="What it allows: read transcripts, also change single recordings, also operate the service."),
    ],
    expires: Annotated[
        str | None, typer.Option(help="When it ends, such as 30d or 12h from now; default: when it is revoked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token, and print it: it is stored nowhere, and can't be printed again."""
    lifetime = None if expires is None else access.lifetime(expires)
    with wiring.opened(wiring.tokens()) as tokens:
        token = tokens.create(name, access.Scope(scope), lifetime)
        [made] = [one for one in tokens.all() if one.name == name]
    if as_json:
        print_json({"token": token, **_document(made)})
        return
    out.print(token, highlight=False, markup=False, soft_wrap=True)
    err.print("Store it now: it can't be printed again.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens, without the tokens themselves."""
    with wiring.opened(wiring.tokens()) as tokens:
        found = tokens.all()
    if as_json:
        print_json([_document(one) for one in found])
        return
    table = Table("Token", "Scope", "Created", "Expires")
    for one in found:
        expired = one.expires_at is not None and one.expires_at <= time.time()
        expires = "never" if one.expires_at is None else timestamp(one.expires_at) or ""
        table.add_row(one.name, one.scope, timestamp(one.created_at), f"{expires} (expired)" if expired else expires)
    out.print(table if found else "There are no tokens: `reflector tokens create NAME --scope read` makes one.")


@app.command()
@recorded("tokens revoke", subject="name")
def revoke(name: Name) -> None:
    """End a token at once, with its sessions in browsers."""
    with wiring.opened(wiring.tokens()) as tokens:
        tokens.revoke(name)


def _document(one: "database.Token") -> dict[str, Any]:
    return {
        "name": one.name,
        "scope": one.scope,
        "created_at": timestamp(one.created_at),
        "expires_at": timestamp(one.expires_at),
    }
