"""The sensor that gives Dagster's pools the limits of the settings."""

import dagster as dg

from reflector_assets.runtime import pools
from reflector_assets.settings.main import Settings
from sensors.sensor import sensor

INTERVAL_S = 60


def build(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor, which sets the limits once for each start of the code server."""
    is_set = False

    @sensor(
        "Sets the limits of the pools when the code location was loaded; later, reports limits that differ from "
        "REFLECTOR_CPU_STEPS, REFLECTOR_GPU_STEPS and REFLECTOR_LLM_STEPS.",
        interval_s=INTERVAL_S,
    )
    def set_pool_limits(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        nonlocal is_set
        if not is_set:
            pools.set_limits(context.instance, settings.pools())
            is_set = True
        different = pools.differences(context.instance, settings.pools())
        for line in different:
            context.log.warning(line)
        return dg.SkipReason("; ".join(different) or "the limits are those of the settings")

    return set_pool_limits
