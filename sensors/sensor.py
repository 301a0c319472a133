"""The decorator of all sensors."""

from collections.abc import Callable

import dagster as dg

from reflector_assets.settings.main import Settings

Result = dg.SensorResult | dg.SkipReason
# Seconds between two ticks of a sensor whose work can wait: each tick is a call of the code server, and a row.
INTERVAL_S = 15


def sensor(
    description: str, *, job_name: str | None = None, interval_s: int = 1, stopped: str | None = None
) -> Callable[[Callable[..., Result]], dg.SensorDefinition]:
    """Declare a sensor, named after its function, that runs by default and at most every `interval_s` seconds.

    `stopped` is the reason why the settings leave it nothing to do: then it is stopped by default, its description
    begins with the reason, and a tick of one that was started by hand only repeats it.
    """

    def declare(function: Callable[..., Result]) -> dg.SensorDefinition:
        return dg.sensor(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
            name=function.__name__,
            job_name=job_name,
            minimum_interval_seconds=interval_s,
            default_status=dg.DefaultSensorStatus.STOPPED if stopped else dg.DefaultSensorStatus.RUNNING,
            description=f"Stopped: {stopped}. {description}" if stopped else description,
        )((lambda: dg.SkipReason(stopped)) if stopped else function)

    return declare


def why_not_live(settings: Settings) -> str | None:
    """Return why nothing leaves this deployment, nor is deleted; None if it is live."""
    return None if settings.mode == "live" else f"REFLECTOR_MODE is {settings.mode}"


def why_operators_get_nothing(settings: Settings) -> str | None:
    """Return why operators get no messages; None if they do."""
    if not settings.zulip_dag_stream or not settings.zulip_realm:
        missing = "ZULIP_REALM" if settings.zulip_dag_stream else "ZULIP_DAG_STREAM"
        return f"{missing} isn't set"
    return why_not_live(settings)
