"""`reflector pools`: limits of Dagster's concurrency pools."""

import typer

from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import AsJson, out, print_json
from reflector_assets.cli.recorded import recorded

with on_first_use():
    from reflector_assets.runtime import instance as instances
    from reflector_assets.runtime import pools as operation
    from reflector_assets.settings import main as configuration

app = typer.Typer()


@app.command()
@recorded("pools")
def pools(as_json: AsJson = False) -> None:
    """Set Dagster's concurrency limits per kind of step, over all runs, from the settings.

    The sensor set_pool_limits does the same whenever the code location is loaded.
    """
    limits = configuration.get_settings().pools()
    with instances.open_instance() as instance:
        operation.set_limits(instance, limits)
    if as_json:
        print_json(limits)
    else:
        out.print(", ".join(f"{pool}: {limit} at once" for pool, limit in limits.items()), highlight=False)
