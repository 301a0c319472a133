"""The sample meeting through the production services: from Daily's bucket and webhook to results in S3."""

import json
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from testing.daemon import until
from testing.deployment import SAMPLE, SAMPLE_ID
from testing.hosts.daily_oddities import ready_event
from testing.parts.redis import Redis
from tests.distributed.cluster import Worker
from tests.production.world import RESULTS, TRACKS, Production

pytestmark = pytest.mark.slow(190)


def announce(world: Production) -> None:
    body = json.dumps(ready_event(world.described)).encode()
    assert world.receiver.post(body).status_code == 200


def finished(world: Production) -> bool:
    return [row["state"] for row in world.deployment.json("list")] == ["ended"]


def in_error(world: Production) -> list[dict[str, str]]:
    return [row for row in world.deployment.json("list") if row["state"] == "error"]


def check_results(world: Production, calls: list[int]) -> None:
    """The transcript is complete, in the bucket, and every other file of the recording beside it."""
    client, folder = world.s3.client(), f"transcripts/recordings/{SAMPLE_ID}"
    keys = {item["Key"] for item in client.list_objects_v2(Bucket=RESULTS, Prefix=folder)["Contents"]}
    names = ("transcript.json", "transcript.vtt", "audio.mp3", "words.parquet", "waveform.json", "tracks/2.webm")
    assert {f"{folder}/{name}" for name in names} <= keys
    transcript = json.loads(client.get_object(Bucket=RESULTS, Key=f"{folder}/transcript.json")["Body"].read())
    assert {person["name"] for person in transcript["participants"]} == {"Ada", "Ben", "Chloe"}
    said = " ".join(segment["text"] for segment in transcript["segments"]).split()
    expected = " ".join(turn["text"] for turn in json.loads((SAMPLE / "truth.json").read_text())["turns"]).split()
    assert 0.9 < len(said) / len(expected) < 1.1
    assert sorted(world.gpu.calls.values()) == calls


def check_deletion(world: Production) -> None:
    """After the deletion of the recording, neither databases nor files nor the buckets have words or names of it."""
    name, word, room = "Chloe", "customers", world.described["room_name"]

    def places(*words: str) -> dict[str, set[str]]:
        # The index of words has them in lower case.
        left = [(place, content.lower()) for place, content in world.left()]
        return {one: {place for place, content in left if one.lower().encode() in content} for one in words}

    # The service brings the catalogue, and the index of words, up to date when it is asked.
    until(lambda: world.found(word) == [SAMPLE_ID], what="the meeting in the search")
    before, folder = places(name, word, room), f"bucket transcripts/recordings/{SAMPLE_ID}"
    texts = {f"{folder}/{one}" for one in ("transcript.json", "transcript.vtt")}
    assert before[name] >= {"database dagster", *texts}
    assert before[word] >= {"database product", f"{folder}/words.parquet", *texts}
    assert before[room] >= {"database product", "database dagster", f"{folder}/recording.json"}
    # The key for Daily's bucket may only read.
    refused = world.deployment.reflector("delete", SAMPLE_ID, "--yes")
    assert (refused.returncode, "s3:DeleteObject" in refused.stderr) == (1, True)
    assert places(name)[name] == set()
    world.deployment.env["DAILYCO_STORAGE_AWS_ACCESS_KEY_ID"] = world.s3.access_key
    world.deployment.env["DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY"] = world.s3.secret_key
    done = world.deployment.json("delete", SAMPLE_ID, "--yes")
    assert done["not_deleted"] == []
    assert places(name, word, room) == {name: set(), word: set(), room: set()}
    assert "Contents" not in world.s3.client().list_objects_v2(Bucket=TRACKS)
    assert world.deployment.json("list", "--all") == []


def test_on_one_machine_with_a_fault_and_nothing_secret_left_anywhere(tmp_path: Path) -> None:
    with Production(tmp_path) as world:
        # The service repeats the presigned URL in its refusal.
        world.gpu.plan(
            1,
            lambda call: world.gpu.error(404, f"can't read {call.fields['audio_file_url']}"),
            when=lambda call: call.name.endswith("/1.webm"),
        )
        announce(world)
        with world.daemon:
            [row] = until(lambda: [r for r in world.deployment.json("list") if r["state"] == "error"], what="a fault")
            assert "track 1" in row["reason"]
            assert "404" in row["reason"]
        done = world.deployment.json("run", SAMPLE_ID)
        assert done["failed"] == []
        check_results(world, calls=[1, 1, 2])
        shown = world.deployment.reflector("show", SAMPLE_ID).stdout
        assert f"s3://{RESULTS}/transcripts/recordings/{SAMPLE_ID}" in shown
        assert world.leaks() == []
        check_deletion(world)


def test_postgresql_is_restarted_in_mid_run(tmp_path: Path) -> None:
    """The run that worked on it ends finished, nothing that was transcribed is paid for twice, nobody has to help."""
    with Production(tmp_path) as world:
        world.gpu.latency = 4.0
        announce(world)
        with world.daemon:
            until(lambda: world.gpu.requests, what="a track at work")
            world.postgres.stop(signal.SIGQUIT)
            time.sleep(3)
            world.postgres.start()
            until(lambda: finished(world), what="the transcript")
        check_results(world, calls=sorted(world.gpu.calls.values()))
        # The answers of calls that were under way while nothing could be written are kept all the same.
        assert max(world.gpu.calls.values()) == 1
        [state] = {item["state"] for item in world.deployment.json("inbox", "list")}
        assert state == "accepted"


def test_on_two_workers_with_a_real_broker(tmp_path: Path) -> None:
    """The tracks are transcribed at once, on both workers; the rest of the graph runs on one of them."""
    with ExitStack() as stack:
        redis = stack.enter_context(Redis(tmp_path / "redis"))
        world = stack.enter_context(
            Production(tmp_path, REFLECTOR_EXECUTOR="celery", REFLECTOR_CELERY_BROKER=redis.url)
        )
        workers = [
            stack.enter_context(Worker(world.deployment, "first", "gpu", 1)),
            stack.enter_context(Worker(world.deployment, "second", "gpu,cpu,llm,light", 2)),
        ]
        until(lambda: all(worker.ready() for worker in workers), what="the workers")
        announce(world)
        with world.daemon:
            until(lambda: finished(world), what="the transcript")
        check_results(world, calls=[1, 1, 1])
        assert world.gpu.most_at_once >= 2
        assert world.leaks() == []
