"""A bucket that refuses the objects of one recording: it alone is reported, and the others get their runs."""

# pyright: basic

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from domain.recording import folder
from reflector_assets import definitions, log_entries
from reflector_assets.settings.main import Settings
from resources.database.database import Database
from resources.database.inbox import Inbox
from resources.store import erasure
from resources.store.s3 import S3Store
from sensors import keep_up_to_date
from testing.hosts.host import Answer, Host, Request

REFUSED, GOOD = "refused", "good"


class Bucket(Host[Request]):
    """An S3 service with an empty bucket, which `refuses` a prefix."""

    refuses = f"{folder(REFUSED)}/"

    def read(self, request: Request) -> Request:
        return request

    def reply(self, call: Request) -> Answer:
        if self.refuses and self.refuses in f"{call.path} {call.query.get('prefix', '')}/":
            return Answer(403, b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>")
        if "prefix" in call.query:
            return Answer(200, b"<ListBucketResult><KeyCount>0</KeyCount></ListBucketResult>")
        return Answer(404, b"<Error><Code>NoSuchKey</Code><Message>There is none</Message></Error>")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket() as host:
        yield host


def test_only_that_recording_waits_and_it_is_examined_again(tmp_path: Path, bucket: Bucket) -> None:
    store = S3Store(bucket="b", endpoint_url=bucket.url, access_key_id="a", secret_access_key="s", region="r")
    sensor = keep_up_to_date.build(
        "process",
        definitions.graph,
        Settings.model_validate({}),
        lambda one: erasure.is_deleted(store, one),
        lambda one: set(store.list_keys(folder(one))),
    )
    resources = {"inbox": Inbox(database=Database(url=f"sqlite:///{tmp_path}/reflector.db"))}
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> tuple[list[str], Any]:
            with dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources) as context:
                result: Any = sensor(context)
            return [str(request.partition_key) for request in result.run_requests], result

        instance.add_dynamic_partitions("recordings", [REFUSED, GOOD])
        assert tick(None)[0] == [GOOD]
        _, result = tick(None)
        [(recording_id, reason)] = log_entries.problems([result.cursor]).items()
        assert recording_id == REFUSED
        assert reason.startswith(f"recording {REFUSED}: ")
        assert "AccessDenied" in reason
        assert "s3:" in reason, "which permission is missing"
        bucket.refuses = ""
        later = keep_up_to_date.Cursor.model_validate_json(result.cursor)
        later.problems.root[REFUSED].not_before = 0.0
        requested, result = tick(later.model_dump_json())
        assert REFUSED in requested
        assert log_entries.problems([result.cursor]) == {}
