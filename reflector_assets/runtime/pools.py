"""Limits of Dagster's concurrency pools; the settings have them, as dagster.yaml can't name pools."""

from collections.abc import Mapping

import dagster as dg


def set_limits(instance: dg.DagsterInstance, limits: Mapping[str, int]) -> None:
    """Set the limits, by pool, where Dagster has others."""
    known = _known(instance)
    for pool, limit in limits.items():
        if known.get(pool) != limit:
            instance.event_log_storage.set_concurrency_slots(pool, limit)


def set_missing_limits(instance: dg.DagsterInstance, limits: Mapping[str, int]) -> None:
    """Set the limits of pools that have none but Dagster's default."""
    known = _known(instance)
    for pool, limit in limits.items():
        if pool not in known:
            instance.event_log_storage.set_concurrency_slots(pool, limit)


def differences(instance: dg.DagsterInstance, limits: Mapping[str, int]) -> list[str]:
    """Return a line for each pool whose limit in Dagster isn't that of the settings."""
    known = _known(instance)
    return [
        f"{pool}: {known[pool]} at once in Dagster, {limit} in the settings (REFLECTOR_{pool.upper()}_STEPS)"
        for pool, limit in limits.items()
        if pool in known and known[pool] != limit
    ]


def _known(instance: dg.DagsterInstance) -> dict[str, int]:
    return {one.name: one.limit for one in instance.event_log_storage.get_pool_limits() if not one.from_default}
