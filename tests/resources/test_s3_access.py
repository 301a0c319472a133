"""Who may use the bucket: keys, roles, and what messages say of them."""

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import httpx
import pytest

from domain.errors import NotFound, PermanentError
from resources.store.s3 import S3Store
from testing.daemon import until
from testing.parts.s3 import S3Server

pytestmark = pytest.mark.slow(10)

OPERATIONS: dict[str, Callable[[S3Store], object]] = {
    "read": lambda store: store.read("a/b"),
    "write": lambda store: store.write("a/b", b"new"),
    "stat": lambda store: store.stat("a/b"),
    "exists": lambda store: store.exists("a/b"),
    "list": lambda store: list(store.list_keys("a")),
    "delete": lambda store: store.delete("a/b"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        server.create_bucket("results")
        yield server


@pytest.fixture
def store(server: S3Server, tmp_path: Path) -> S3Store:
    """A store of the test's own: a prefix in the bucket."""
    return server.store("results", prefix=f"/{tmp_path.name}/deep/", folder=str(tmp_path / "temporary"))


WRONG = {
    "secret": ({"secret_access_key": "wrong/secret"}, "Check TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY"),
    "id": ({"access_key_id": "AKIANOBODY"}, "Check TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID"),
    "half": ({"secret_access_key": ""}, "Set TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID and .*_SECRET_ACCESS_KEY, both"),
    "broken id": ({"access_key_id": "AKIATEST\nBROKEN"}, "Check TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID"),
    "role": ({"role_arn": "arn:aws:iam::123456789012:role/Nobody"}, "Check TRANSCRIPT_STORAGE_AWS_ROLE_ARN"),
    "secret of role": (
        {"role_arn": S3Server.role_arn, "secret_access_key": "wrong/secret"},
        "Check TRANSCRIPT_STORAGE_AWS_ROLE_ARN, .*TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY",
    ),
    "region": ({"region": "no region!"}, "Check TRANSCRIPT_STORAGE_AWS_REGION"),
    "endpoint": ({"endpoint_url": "localhost:9000/x"}, "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL is not a valid URL"),
}


# What the server refuses is reported at each operation; all else when the client is made.
AT_SERVER = {"secret", "id", "broken id"}


@pytest.mark.parametrize(
    ("wrong", "operation"),
    [(wrong, operation) for wrong in WRONG for operation in (OPERATIONS if wrong in AT_SERVER else ["read", "write"])],
)
def test_a_wrong_setting_is_reported_without_secrets(
    server: S3Server, caplog: pytest.LogCaptureFixture, wrong: str, operation: str
) -> None:
    fields, hint = WRONG[wrong]
    store = server.store("results", **fields)
    with caplog.at_level(logging.DEBUG), pytest.raises(PermanentError, match=hint) as caught:
        OPERATIONS[operation](store)
    assert not isinstance(caught.value, NotFound)
    assert "\n" not in str(caught.value)
    said = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(store)
    for leak in (*_secrets(store), "AKIATEST", "Signature=", "X-Amz-"):
        assert leak not in said


def test_nothing_is_logged_that_opens_the_bucket(
    server: S3Server, store: S3Store, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for given in (store, store.model_copy(update={"role_arn": server.role_arn})):
            url = given.url("a/b")
            given.exists("a/b")
    for leak in (*_secrets(store), "Signature=", "SessionToken", url):
        assert leak not in caplog.text


def test_missing_keys_are_reported(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    for fields in ({}, {"role_arn": server.role_arn}):
        store = server.store("results", access_key_id="", secret_access_key="", **fields)
        with pytest.raises(PermanentError, match="Set TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID"):
            store.exists("a/b")


def test_keys_of_the_machine_serve(server: S3Server, store: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    store.write("a/b", b"x")
    assert store.model_copy(update={"access_key_id": "", "secret_access_key": ""}).read("a/b") == b"x"


def test_a_role_reads_and_is_refused_to_write(server: S3Server, store: S3Store) -> None:
    store.write("a/b", b"old")
    role = store.model_copy(update={"role_arn": server.role_arn, "settings_prefix": "DAILYCO_STORAGE_AWS"})
    assert role.read("a/b") == b"old"
    assert httpx.get(role.url("a/b")).content == b"old"
    assert list(role.list_keys("a")) == ["a/b"]
    with pytest.raises(PermanentError, match=r"refused \(403 AccessDenied\).*the role may"):
        role.write("a/b", b"new")
    assert store.read("a/b") == b"old"


def test_a_role_is_assumed_again_before_its_credentials_end(tmp_path: Path) -> None:
    with S3Server(tmp_path / "s3", token_seconds=6) as server:
        server.create_bucket("results")
        server.store("results").write("a/b", b"x")
        role = server.store("results", role_arn=server.role_arn)
        url = role.url("a/b")
        assert httpx.get(url).status_code == 200
        until(lambda: httpx.get(url).status_code == 403, what="the end of the credentials")
        assert role.read("a/b") == b"x"
        assert httpx.get(role.url("a/b")).status_code == 200


def test_dagster_sees_the_names_of_secrets_only(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_S3_ID", server.access_key)
    monkeypatch.setenv("TEST_S3_SECRET", server.secret_key + "\n")
    names = {"access_key_id": dg.EnvVar("TEST_S3_ID"), "secret_access_key": dg.EnvVar("TEST_S3_SECRET")}
    store = server.store("results", prefix="dagster", **names)
    # Outside a run nothing resolves the names.
    store.write("a/b", b"x")

    @dg.asset
    def reads(s3: S3Store) -> str:
        return s3.read("a/b").decode()

    definitions = dg.Definitions(assets=[reads], resources={"s3": store})
    resource = definitions.get_repository_def().get_top_level_resources()["s3"]
    shown = f"{store!r} {resource.config_schema.default_value}"
    assert server.secret_key not in shown
    assert server.access_key not in shown
    assert "TEST_S3_SECRET" in shown
    assert definitions.resolve_implicit_global_asset_job_def().execute_in_process().output_for_node("reads") == "x"


def _secrets(store: S3Store) -> list[str]:
    """The secret and the key's id, where they are not too short to tell."""
    return [value for value in (store.secret_access_key, store.access_key_id) if len(value) > 8]
