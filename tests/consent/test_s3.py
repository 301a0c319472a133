"""The same in real buckets that keep versions: nothing of the audio is listed any more, whatever fails on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from testing.parts.proxy import Proxy
from testing.parts.s3 import S3Server
from tests.consent.world import World, failures, world

pytestmark = pytest.mark.slow(10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        for name in ("results", "daily"):
            server.create_bucket(name)
            versions = {"Status": "Enabled"}
            server.client().put_bucket_versioning(Bucket=name, VersioningConfiguration=versions)
        server.create_bucket("plain")
        yield server


@pytest.fixture
def stored(server: S3Server, tmp_path: Path) -> Iterator[World]:
    stores = {
        "store": server.store("results", prefix=tmp_path.name, folder=str(tmp_path / "temporary"), max_attempts=1),
        "bucket": server.store("daily", prefix=tmp_path.name, max_attempts=1),
    }
    with world(tmp_path, **stores) as made:
        yield made


def listed(server: S3Server, bucket: str, prefix: str) -> list[str]:
    """Every version and every marker, as S3 itself tells."""
    answer = server.client().list_object_versions(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for kind in ("Versions", "DeleteMarkers") for item in answer.get(kind, [])]


def test_no_version_and_no_half_written_file_stays(server: S3Server, stored: World, tmp_path: Path) -> None:
    assert stored.run().success
    # A second version of all of it, a track that was deleted by hand, and what a killed process left.
    assert stored.run(["padded_tracks", "mixed_audio"]).success
    stored.bucket.delete(stored.keys[0])
    before = stored.texts()
    with stored.store.new_file(stored.key("audio.mp3")) as path:
        name = path.name
    left = tmp_path / "temporary" / f"{name.rsplit('-', 1)[0]}-killed.mp3"
    left.write_bytes(b"half of it")
    stored.deny()
    assert stored.run(["consent_cleanup"]).success
    assert stored.cleanup()["value"]["audio_deleted"] is True
    own = f"{tmp_path.name}/{stored.key('')}"
    suffixes = {Path(key).suffix for key in listed(server, "results", own)}
    assert suffixes <= {".json", ".parquet", ".vtt", ".md"}
    assert listed(server, "daily", f"{tmp_path.name}/") == [f"{tmp_path.name}/{stored.other}"]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert stored.texts() == before


def test_a_bucket_without_versions_is_emptied_too(server: S3Server, tmp_path: Path) -> None:
    store = server.store("plain", prefix=tmp_path.name)
    for key in ("a/b", "a/b/c", "a/bc"):
        store.write(key, b"x")
    assert list(store.list_remnants("a/b")) == ["a/b", "a/b/c"]
    for _ in range(2):
        store.erase("a/b")
    assert list(store.list_remnants("a")) == ["a/b/c", "a/bc"]


def test_a_key_that_may_not_delete_is_reported_and_the_rest_goes(server: S3Server, stored: World) -> None:
    reader: dict[str, Any] = {"access_key_id": server.reader_access_key, "secret_access_key": server.reader_secret_key}
    refused = server.store("daily", prefix=stored.home.name, settings_prefix="DAILYCO_STORAGE_AWS", **reader)
    stored.deny()
    result = stored.run(daily_bucket=refused)
    said = failures(result)["consent_cleanup"]
    assert "s3:DeleteObject" in said
    assert "DAILYCO_STORAGE_AWS" in said
    assert all(key in said for key in stored.keys)
    assert not [event for event in result.all_events if event.is_step_up_for_retry], "no attempt heals it"
    assert len(stored.sound()) == 4, "all but what lies at Daily"
    assert stored.instance.get_latest_materialization_event(dg.AssetKey("consent_cleanup")) is None
    assert stored.run(["consent_cleanup"]).success
    assert stored.sound() == []


def test_a_deletion_that_the_network_breaks_is_tried_again(server: S3Server, stored: World) -> None:
    stored.deny()
    with Proxy(server.port) as proxy:
        shaky = server.store("daily", prefix=stored.home.name, endpoint_url=proxy.endpoint, max_attempts=1)
        assert list(shaky.list_remnants(stored.room_folder))
        proxy.refuse(times=2)
        result = stored.run(["consent_cleanup"], daily_bucket=shaky)
        assert proxy.plans == []
    assert result.success
    assert [event for event in result.all_events if event.is_step_up_for_retry]
    assert stored.sound() == []
