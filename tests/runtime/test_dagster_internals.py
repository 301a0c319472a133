"""What we rely on of Dagster's private parts: a failure here names what an upgrade changed."""

# pyright: basic

import inspect

import pytest
from dagster._grpc.server import DagsterApiServer

from reflector_assets.runtime.dagster_internals import celery
from reflector_assets.runtime.dagster_internals import storage as private
from reflector_assets.runtime.dagster_internals.code_server import CLEANUP_THREAD


@pytest.mark.parametrize("storage", [private.SqliteRunStorage, private.SqliteScheduleStorage])
def test_storages_open_each_transaction_by_connect(storage: type) -> None:
    assert list(inspect.signature(storage.connect).parameters) == ["self"]
    assert list(inspect.signature(storage.from_local).parameters) == ["base_dir", "inst_data"]
    assert "cls(conn_string" in inspect.getsource(storage.from_local), "it makes a storage of the subclass"
    assert "self._conn_string" in inspect.getsource(storage.__init__)


def test_the_event_log_opens_each_transaction_by_one_method() -> None:
    storage = private.SqliteEventLogStorage
    assert list(inspect.signature(storage._connect).parameters) == ["self", "shard"]
    assert list(inspect.signature(storage._initdb).parameters) == ["self", "engine", "for_index_shard"]
    for opens in (storage.run_connection, storage.index_connection):
        assert "self._connect(" in inspect.getsource(opens)
    made = inspect.getsource(storage.__init__)
    assert all(name in made for name in ("self._db_lock", "self._base_dir"))
    assert storage.path_for_shard.__name__ in inspect.getsource(storage.__init__)


def test_the_storage_is_made_of_three_of_which_each_has_its_folder() -> None:
    made = inspect.getsource(private.DagsterSqliteStorage.__init__)
    assert all(name in made for name in ("self._run_storage", "self._event_log_storage", "self._schedule_storage"))
    module = inspect.getmodule(private.DagsterSqliteStorage)
    assert module is not None
    assert module._runs_directory("x") == "x/history/"
    assert module._event_logs_directory("x") == "x/history/runs/"
    assert module._schedule_directory("x") == "x/schedules"


def test_a_code_server_has_a_thread_that_ends_with_it() -> None:
    assert f'name="{CLEANUP_THREAD}"' in inspect.getsource(DagsterApiServer.__init__)
    assert "if self._server_termination_event.is_set()" in inspect.getsource(DagsterApiServer._cleanup_thread)


def test_retries_of_an_executor_are_read_from_its_config() -> None:
    assert celery.retry_mode({"enabled": {}}).value == "enabled"


def test_compute_logs_are_captured_between_two_files() -> None:
    assert list(inspect.signature(private.LocalComputeLogManager.capture_logs).parameters) == ["self", "log_key"]
    assert list(inspect.signature(private.redirect_to_file).parameters) == ["stream", "filepath"]
    assert "get_captured_local_path" in inspect.getsource(private.LocalComputeLogManager.capture_logs)
    complete = private.LocalComputeLogManager.complete_artifact_path
    assert 'get_captured_local_path(log_key, "complete")' in inspect.getsource(complete)
