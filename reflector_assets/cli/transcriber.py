"""`reflector transcriber serve`: a GPU service with the embedded engine."""

from typing import Annotated

import typer

from domain.errors import PermanentError
from reflector_assets.cli.imports import on_first_use
from reflector_assets.cli.output import note

with on_first_use():
    import uvicorn

    from reflector_assets import wiring
    from reflector_assets.settings import main as configuration
    from service import server, transcriber

app = typer.Typer(help="Serve the embedded Whisper to other machines.", no_args_is_help=True)

PORT = 1260
# Seconds for calls in progress after SIGTERM.
SHUTDOWN_S = 600


@app.callback()
def _group() -> None:
    """Serve the embedded Whisper to other machines."""


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: REFLECTOR_HOST.")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = PORT,
) -> None:
    """Transcribe tracks for workers with TRANSCRIPT_BACKEND=modal until stopped (SIGTERM or Ctrl-C).

    It loads the model before it listens. Clients send TRANSCRIPT_MODAL_API_KEY, which must be set here too.
    """
    settings = configuration.get_settings()
    if settings.transcript_api_key is None:
        raise PermanentError(
            "TRANSCRIPT_MODAL_API_KEY isn't set: anybody could use this service",
            hint="Create one with `openssl rand -hex 32`, and set it here and at the workers.",
        )
    whisper = wiring.embedded_whisper()
    device = whisper.chosen_device()
    whisper.for_track("en", ()).prepare()
    note(f"{settings.whisper_model} on {device}")
    at_once = settings.transcriber_at_once or (1 if device.name == "cpu" else 4)

    def engine(language: str, batch: int | None) -> transcriber.Transcriber:
        chosen = whisper.for_track(language, ()).with_batch(min(batch or device.batch, device.batch))
        chosen.prepare()
        return chosen

    service = transcriber.build(
        engine,
        settings.whisper_model,
        wiring.outgoing().download,
        key=settings.transcript_api_key.get_secret_value(),
        limits=transcriber.Limits(at_once, settings.transcriber_queue),
        files=settings.data_dir / "recordings",
    )
    config = server.configure(
        service, host or settings.host, port, timeout_graceful_shutdown=SHUTDOWN_S, log_level="warning"
    )
    uvicorn.Server(config).run()
