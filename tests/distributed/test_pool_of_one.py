"""A pool with one slot, retries and a fan-out together: Dagster has an open bug report of such runs that hang."""

import zlib
from pathlib import Path

import dagster as dg
import pytest

from reflector_assets.eventlog.steps import step_events
from resources.local_folder import LocalFolder
from resources.store.base import LocalStore
from testing.audio_files import babble, opus_track
from testing.daemon import Daemon, open_instance, until
from testing.deployment import deploy
from testing.hosts.gpu_host import GPUHost

TRACKS = 3


@pytest.mark.slow
def test_tracks_that_fail_in_a_pool_of_one_are_all_tried_again(tmp_path: Path) -> None:
    with GPUHost(latency=0.5) as gpu:
        # The first attempts of the first two tracks.
        gpu.fail(1, 503, when=lambda call: call.name.endswith("/0.webm"))
        gpu.fail(1, 503, when=lambda call: call.name.endswith("/1.webm"))
        deployment = deploy(tmp_path, REFLECTOR_RETRY_DELAY="0.2", REFLECTOR_GPU_STEPS="1", **gpu.env)
        folder = tmp_path / "meeting"
        folder.mkdir()
        for n in range(TRACKS):
            opus_track(folder / f"person-{n}.webm", babble(2.0, seed=zlib.crc32(bytes([n]))))
        with open_instance(deployment) as instance, Daemon(deployment) as daemon:
            LocalFolder(store=LocalStore(root=str(deployment.data))).import_folder(folder, recording_id="meeting")
            instance.add_dynamic_partitions("recordings", ["meeting"])
            try:
                [run] = until(lambda: [r for r in instance.get_runs() if r.is_finished], 150, "the run")
            except AssertionError:
                print(daemon.log.read_text()[-5000:])
                raise
            assert run.status == dg.DagsterRunStatus.SUCCESS
            steps = list(step_events(instance.get_records_for_run(run.run_id).records))
        tracks = [(s.track or 0, s.status) for s in steps if s.op == "transcribe_track"]
        assert sorted(track for track, status in tracks if status == "retrying") == [0, 1]
        assert sorted(track for track, status in tracks if status == "done") == [0, 1, 2]
        assert sum(gpu.calls.values()) == TRACKS + 2
        assert gpu.most_at_once == 1
