"""The sensor that gives Dagster's pools the limits of the settings, and reports what differs from them."""

import logging

import dagster as dg

from reflector_assets.operations import belonging
from reflector_assets.runtime import pools
from reflector_assets.settings.main import Settings
from resources.store.base import Store
from sensors.sensor import sensor

log = logging.getLogger(__name__)

INTERVAL_S = 60


def build(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor, which sets the limits once for each start of the code server."""
    is_set, foreign = False, None

    @sensor(
        "Sets the limits of the pools when the code location was loaded; later, reports limits that differ from "
        "REFLECTOR_CPU_STEPS, REFLECTOR_GPU_STEPS and REFLECTOR_LLM_STEPS, and results that were made with another "
        "instance of Dagster.",
        interval_s=INTERVAL_S,
    )
    def set_pool_limits(context: dg.SensorEvaluationContext, store: Store) -> dg.SkipReason:
        nonlocal is_set, foreign
        if not is_set or foreign:
            foreign = belonging.link_new(context.instance, store)
        if not is_set:
            if foreign:
                log.warning(foreign)
            pools.set_limits(context.instance, settings.pools())
            is_set = True
        different = [*([foreign] if foreign else []), *pools.differences(context.instance, settings.pools())]
        for line in different:
            context.log.warning(line)
        return dg.SkipReason("; ".join(different) or "the limits are those of the settings")

    return set_pool_limits
