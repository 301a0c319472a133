"""What we rely on of Dagster's private parts: a failure here names what an upgrade changed."""

# pyright: basic

import inspect
import re
import subprocess
import sys
from multiprocessing import spawn

import pytest
from dagster._core.execution import api, context_creation_job
from dagster._core.execution.context.system import ExecutionData, PlanData, PlanExecutionContext
from dagster._core.execution.plan import plan
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.resources_init import resource_initialization_manager
from dagster._core.executor import child_process_executor, multiprocess
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._daemon.auto_run_reexecution import auto_run_reexecution
from dagster._grpc import server
from dagster._grpc.server import DagsterApiServer
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage

from reflector_assets.operations.runs import RETRY_FAILED
from reflector_assets.runtime import known_answers, worker, worker_executor
from reflector_assets.runtime.dagster_internals import celery, steps
from reflector_assets.runtime.dagster_internals import storage as private
from reflector_assets.runtime.dagster_internals.code_server import CLEANUP_THREAD
from testing.deployment import ROOT


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


def test_each_question_about_the_schema_is_asked_by_a_storage() -> None:
    storages = PostgresRunStorage, PostgresEventLogStorage, PostgresScheduleStorage
    for name in known_answers.SCHEMA:
        assert any(hasattr(storage, name) for storage in storages), f"{name}: Dagster doesn't ask it any more"


def test_an_event_is_stored_in_postgresql_as_in_any_database_but_for_a_notification_of_nobody() -> None:
    stored = inspect.getsource(PostgresEventLogStorage.store_event)
    assert "LISTEN/NOTIFY no longer used" in stored
    for method in (PostgresEventLogStorage.store_event, SqlEventLogStorage.store_event):
        called = re.findall(r"self\.(\w+)\(", inspect.getsource(method))
        assert called[0::2] == ["prepare_insert_event", "index_transaction", "_store_asset_event"]
        assert called[3::2] == ["_store_asset_event_tags", "store_asset_check_event"]


def test_a_code_server_has_a_thread_that_ends_with_it() -> None:
    assert f'name="{CLEANUP_THREAD}"' in inspect.getsource(DagsterApiServer.__init__)
    assert "if self._server_termination_event.is_set()" in inspect.getsource(DagsterApiServer._cleanup_thread)


def test_a_tick_that_pauses_repeatedly_ends_though_the_code_server_stops_between_two_pauses() -> None:
    code = (
        "import threading\n"
        "from reflector_assets.runtime.dagster_internals.code_server import CLEANUP_THREAD, pause\n"
        "end = threading.Event()\n"
        "server = threading.Thread(target=end.wait, name=CLEANUP_THREAD)\n"
        "server.start()\n"
        "assert pause(0)\n"
        "end.set()\n"
        "server.join()\n"
        "assert not pause(0)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_retries_of_an_executor_are_read_from_its_config() -> None:
    assert celery.retry_mode({"enabled": {}}).value == "enabled"


def test_compute_logs_are_captured_between_two_files() -> None:
    assert list(inspect.signature(private.LocalComputeLogManager.capture_logs).parameters) == ["self", "log_key"]
    assert list(inspect.signature(private.redirect_to_file).parameters) == ["stream", "filepath"]
    assert "get_captured_local_path" in inspect.getsource(private.LocalComputeLogManager.capture_logs)
    complete = private.LocalComputeLogManager.complete_artifact_path
    assert 'get_captured_local_path(log_key, "complete")' in inspect.getsource(complete)


def test_steps_are_executed_as_dagsters_own_executor_does() -> None:
    ours = inspect.getsource(worker) + inspect.getsource(worker_executor)
    theirs = inspect.getsource(multiprocess)
    for name in set(steps.__all__) - {"Steps", "prepare"}:
        assert name in ours, f"{name} isn't needed any more"
        assert name in theirs + inspect.getsource(child_process_executor), f"{name}: Dagster's executor does without it"


def test_a_plan_of_some_steps_is_cut_from_that_of_all_which_depends_on_the_keys_of_mapped_steps() -> None:
    made = inspect.getsource(api.create_execution_plan)
    assert "job.with_repository_load_data(repository_load_data)" in made
    assert "ResolvedRunConfig.build(job_def, run_config)" in made
    assert "return ExecutionPlan.build(" in made
    built = inspect.getsource(plan._PlanBuilder)
    assert "plan = plan.build_subset_plan(\n                self.step_keys_to_execute, self.job_def" in built
    assert built.count("self.known_state") == 3, "it is stored, given to the plan, and to _compute_step_maps"
    assert inspect.getsource(plan._compute_step_maps).count("known_state.") == 1
    assert "known_state.dynamic_mappings" in inspect.getsource(plan._compute_step_maps)


USES_OF_PLAN = [
    "execution_plan: ExecutionPlan,",
    'execution_plan = check.inst_param(execution_plan, "execution_plan", ExecutionPlan)',
    "execution_plan,",
    "execution_plan=execution_plan,",
    "_validate_plan_with_context(execution_context, execution_plan)",
]


def test_a_plan_is_executed_as_dagster_does_but_for_the_context_and_the_resources() -> None:
    source = inspect.getsource(api.execute_plan_iterator)
    for name in ("ExecuteRunWithPlanIterable", "inner_plan_execution_iterator", "PlanExecutionContextManager"):
        assert name in source
    source = inspect.getsource(api.ExecuteRunWithPlanIterable.__iter__)
    for name in ("capture_interrupts()", "prepare_context()", "self.iterator(", "shutdown_context()"):
        assert name in source
    parameters = inspect.signature(context_creation_job.PlanExecutionContextManager).parameters
    assert parameters["scoped_resources_builder_cm"].default is None
    source = inspect.getsource(context_creation_job.execution_context_event_generator)
    assert "default=resource_initialization_manager" in source
    given = re.search(r"scoped_resources_builder_cm\((.*?)\n        \)", source, re.DOTALL)
    assert given is not None
    assert set(re.findall(r"(\w+)=", given[1])) == set(inspect.signature(resource_initialization_manager).parameters)
    # Of what a context is made of, only its own plan and the resources depend on the steps to execute.
    uses = [line.strip() for line in source.splitlines() if "execution_plan" in line]
    assert uses == USES_OF_PLAN
    made = inspect.getsource(context_creation_job.create_context_creation_data)
    assert "resource_keys_to_init=get_required_resource_keys_to_init(execution_plan, job_def)," in made
    assert made.count("execution_plan") == 4
    for_step = inspect.getsource(PlanExecutionContext.for_step)
    assert "self.plan_data" in for_step
    assert "self._execution_data" in for_step
    assert {"execution_plan"} < set(PlanData._fields)
    assert "scoped_resources_builder" in ExecutionData._fields


def test_an_active_execution_is_driven_by_these_methods() -> None:
    source = inspect.getsource(multiprocess.MultiprocessExecutor.execute)
    for name in re.findall(r"self\._active\.(\w+)", inspect.getsource(worker_executor)):
        assert hasattr(ActiveExecution, name), name
        if name not in {"sleep_interval"}:
            assert f"active_execution.{name}" in source, name
    assert "has_pending_claims" in dir(steps.InstanceConcurrencyContext)


def test_runs_are_started_by_the_spawn_method_whose_executable_can_be_set() -> None:
    assert 'multiprocessing.get_context("spawn")' in inspect.getsource(server.DagsterApiServer.__init__)
    assert "self._mp_ctx.Process(" in inspect.getsource(server.DagsterApiServer.StartRun)
    command = spawn.get_command_line(tracker_fd=5, pipe_handle=7)
    assert command[-1] == "--multiprocessing-fork"
    assert command[command.index("-c") + 1].endswith("spawn_main(tracker_fd=5, pipe_handle=7)")


def test_a_run_that_could_not_be_retried_is_marked_with_this_message() -> None:
    source = inspect.getsource(auto_run_reexecution.consume_new_runs_for_automatic_reexecution)
    assert f'report_engine_event(\n                "{RETRY_FAILED}"' in source
