"""Evaluate the sensor beside the daemon, from an empty cursor on: `looks TIMES` prints how many runs it requests."""

import sys
from typing import Any

import dagster as dg

from reflector_assets import wiring
from reflector_assets.definitions import graph
from reflector_assets.runtime.instance import open_instance
from reflector_assets.settings.main import get_settings
from sensors import keep_up_to_date


def main(times: int) -> None:
    cursor: str | None = None
    sensor = keep_up_to_date.build("process", graph, get_settings())
    with open_instance() as instance:
        for _ in range(times):
            resources = {"inbox": wiring.inbox()}
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
                result: Any = sensor(context)
            cursor = result.cursor
            print(len(result.run_requests))


if __name__ == "__main__":
    main(int(sys.argv[1]))
