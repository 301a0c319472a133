"""`reflector doctor`: checks of the services that the deployment uses."""

import dataclasses
import logging
import os
import sys
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from reflector_assets import wiring
    from reflector_assets.health import probes
    from reflector_assets.operations import belonging
    from reflector_assets.runtime import instance as instances

app = typer.Typer()

COLOURS = {"ok": "green", "failed": "bold red"}


@app.command()
@recorded("doctor", only_if="link")
def doctor(
    timeout: Annotated[float, typer.Option(help="Seconds that each check may take.", min=0.1)] = 10,
    link: Annotated[
        bool, typer.Option("--link", help="First declare that Dagster's instance and the results belong together.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check every configured service: databases, stores, Daily, transcriber, LLM, broker.

    Exits with 1 if a check fails. The LLM gets a question of a few words, which costs next to nothing.
    """
    if link:
        with instances.open_instance() as instance:
            belonging.link(instance, wiring.store())
    # The table shows the failures that libraries log.
    logging.disable(logging.CRITICAL)
    outcomes = probes.check_all(timeout)
    failed = any(outcome.state == "failed" for outcome in outcomes)
    if as_json:
        rows = [dataclasses.asdict(outcome) for outcome in outcomes]
        print_json({"ok": not failed, "doors": rows})
    else:
        fixed = [Column("Service", no_wrap=True), Column("Result", no_wrap=True), Column("ms", justify="right")]
        table = Table(*fixed, Column("Tried: found", overflow="fold"))
        for o in outcomes:
            result = f"[{COLOURS.get(o.state, 'dim')}]{o.state}[/]"
            table.add_row(o.door, result, str(o.milliseconds), f"[dim]{o.tried}:[/] {escape(o.said)}")
        out.print(table)
    if any(outcome.hangs for outcome in outcomes):
        # A normal exit would wait for threads of libraries.
        sys.stdout.flush()
        os._exit(1 if failed else 0)
    if failed:
        raise typer.Exit(1)
