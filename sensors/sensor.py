"""The decorator of all sensors."""

from collections.abc import Callable

import dagster as dg

Result = dg.SensorResult | dg.SkipReason


def sensor(
    description: str, *, job_name: str | None = None, interval_s: int = 1
) -> Callable[[Callable[..., Result]], dg.SensorDefinition]:
    """Declare a sensor, named after its function, that runs by default and at most every `interval_s` seconds."""
    return dg.sensor(  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster
        job_name=job_name,
        minimum_interval_seconds=interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
