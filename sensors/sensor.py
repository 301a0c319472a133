"""The decorator of all sensors."""

from collections.abc import Callable

import dagster as dg

Result = dg.SensorResult | dg.SkipReason
# Seconds between two ticks of a sensor whose work can wait: each tick is a call of the code server, and a row.
INTERVAL_S = 15


def sensor(
    description: str, *, job_name: str | None = None, interval_s: int = 1, stopped: str | None = None
) -> Callable[[Callable[..., Result]], dg.SensorDefinition]:
    """Declare a sensor, named after its function, that runs by default and at most every `interval_s` seconds.

    `stopped` is the reason why the settings leave it nothing to do: then it is stopped by default, and says so.
    """

    def declare(function: Callable[..., Result]) -> dg.SensorDefinition:
        return dg.sensor(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
            name=function.__name__,
            job_name=job_name,
            minimum_interval_seconds=interval_s,
            default_status=dg.DefaultSensorStatus.STOPPED if stopped else dg.DefaultSensorStatus.RUNNING,
            description=f"Stopped, as {stopped}. {description}" if stopped else description,
        )((lambda: dg.SkipReason(stopped)) if stopped else function)

    return declare
