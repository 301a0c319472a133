"""Measurements in one process: the ticks of keep_up_to_date after an upgrade, with the instance of DAGSTER_HOME.

`python -m bench.upgrade_ticks` prints JSON: times in seconds, peak memory in MiB.
"""

import json
import resource
import time

import dagster as dg

from bench.growth_history import recording_id
from bench.growth_ticks import Ticks, at_the_end
from domain.corrections.edits import SetTitle
from reflector_assets import wiring
from reflector_assets.definitions import defs
from sensors import keep_up_to_date
from sensors.changes import Cursor


def main() -> None:
    with dg.DagsterInstance.get() as instance:
        [sensor] = [one for one in defs.sensors or () if one.name == keep_up_to_date.SENSOR]
        cursor = at_the_end(instance, _code_before(instance))
        tick = Ticks(instance, sensor, cursor.model_dump_json())
        examined, requests, lasted = 0, 0, list[float]()
        began, used = time.perf_counter(), time.process_time()
        while not lasted or cursor.scanning or cursor.waiting:
            at = time.perf_counter()
            requests += len(tick())
            lasted.append(time.perf_counter() - at)
            cursor = Cursor.model_validate_json(tick.cursor or "")
            if tick.skipped:
                examined += int(tick.skipped.removesuffix(" recordings changed, no run needed"))
        found: dict[str, float] = {
            "examined": examined,
            "requests": requests,
            "ticks": len(lasted),
            "wall": time.perf_counter() - began,
            "cpu": time.process_time() - used,
            "longest": max(lasted),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        wiring.correction_history().add(recording_id(0), [SetTitle(title="By hand")])
        print(json.dumps({**found, "corrected": len(tick())}))


def _code_before(instance: dg.DagsterInstance) -> str:
    """Return the code versions that the older version's sensor has seen."""
    states = [one for one in instance.all_instigator_state() if one.name == keep_up_to_date.SENSOR]
    return json.loads(states[0].instigator_data.cursor)["code"]  # pyright: ignore


if __name__ == "__main__":
    main()
