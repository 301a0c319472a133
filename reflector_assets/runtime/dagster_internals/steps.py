"""What Dagster's own executors of steps are made of, and what ours needs of it.

tests/runtime/test_dagster_internals.py fails when a release changes it.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from copy import copy
from functools import partial
from typing import Any, NamedTuple, Self

from dagster import DagsterInstance, JobDefinition
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterSubprocessError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.context_creation_job import PlanExecutionContextManager, create_context_free_log_manager
from dagster._core.execution.plan.execute_plan import inner_plan_execution_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.resources_init import (
    get_required_resource_keys_to_init,
    resource_initialization_manager,
)
from dagster._core.execution.retries import RetryMode
from dagster._core.log_manager import DagsterLogManager
from dagster._core.system_config.objects import ResolvedRunConfig
from dagster._utils import EventGenerationManager, get_run_crash_explanation, interrupts
from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "DagsterEvent",
    "DagsterExecutionInterruptedError",
    "DagsterSubprocessError",
    "EngineEventData",
    "InstanceConcurrencyContext",
    "RetryMode",
    "SerializableErrorInfo",
    "Steps",
    "capture_interrupts",
    "create_context_free_log_manager",
    "get_run_crash_explanation",
    "prepare",
    "step_worker_started",
    "step_worker_starting",
]

_event: Any = DagsterEvent
step_worker_starting: Callable[..., DagsterEvent] = _event.step_worker_starting
step_worker_started: Callable[..., DagsterEvent] = _event.step_worker_started
capture_interrupts: Callable[[], AbstractContextManager[Any]] = interrupts.capture_interrupts


class Prepared(NamedTuple):
    """A resource that was initialized with a config, before the process that uses it was forked."""

    definition: Any
    config: Any
    resource: Any


class PreparedPlan(NamedTuple):
    """A job's config without any values of a run, and the plan of all its steps."""

    job: JobDefinition
    config: ResolvedRunConfig
    plan: ExecutionPlan


_prepared: dict[str, Prepared] = {}
_plans: dict[str, PreparedPlan] = {}


def prepare(job: JobDefinition, instance: DagsterInstance) -> None:
    """Do for the processes that are forked from this one what depends on a job alone.

    That is its config's schema, a plan, and its resources, of which none may use the instance. One that can't be
    initialized is left to the steps, which report it.
    """
    config = ResolvedRunConfig.build(job)
    _plans[job.name] = PreparedPlan(job, config, ExecutionPlan.build(job, config))
    for key, definition in job.resource_defs.items():
        with suppress(Exception):
            manager: Any = resource_initialization_manager(
                resource_defs=job.resource_defs,
                resource_configs=config.resources,
                log_manager=DagsterLogManager.create(loggers=[]),
                execution_plan=None,
                dagster_run=None,
                resource_keys_to_init={key},
                instance=instance,
                emit_persistent_events=False,
                event_loop=None,
            )
            list(manager.generate_setup_events())
            resource = manager.get_object().resource_instance_dict[key]
            _prepared[key] = Prepared(definition, config.resources[key], resource)


class Steps:
    """Executes steps of one run in this process, one at a time, as Dagster's execute_plan_iterator executes a plan.

    What Dagster makes for each plan outlives the steps here: the plan of all steps, from which that of one step is cut,
    the context, and the resources, each initialized by the first step that requires it, or prepared. They are finalized
    at the end of the block.
    """

    def __init__(
        self, job: Any, run: Any, config: Any, retries: RetryMode, instance: DagsterInstance, repository_load_data: Any
    ) -> None:
        # With the repository that create_execution_plan uses. Its definition is made once for this object alone: it has
        # its hash, and one that comes from another process has a hash that is no other's here.
        self._job = job.with_repository_load_data(repository_load_data)
        self._given, self._load_data = config, repository_load_data
        self._whole: ExecutionPlan | None = None
        self._context: Any = None
        self._resources: dict[str, Any] = {}
        self._managers: list[Any] = []
        self._new_context = partial(
            PlanExecutionContextManager,
            job=self._job,
            dagster_run=run,
            run_config=config,
            retry_mode=retries,
            instance=instance,
            scoped_resources_builder_cm=_no_resources,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for manager in reversed(self._managers):
            list(manager.generate_teardown_events())

    def execute(self, key: str, known_state: Any) -> Iterator[DagsterEvent]:
        """Execute a step and yield its events; the known state has the keys of mapped steps."""
        plan = self._plan(key, known_state)
        with capture_interrupts():
            context = copy(self._context or self._first_context(plan))
            yield from self._initialize(context, plan)
            context._plan_data = context.plan_data._replace(execution_plan=plan)
            builder = ScopedResourcesBuilder(self._resources)
            context._execution_data = context._execution_data._replace(scoped_resources_builder=builder)
            yield from inner_plan_execution_iterator(context, plan)

    def _plan(self, key: str, known_state: Any) -> ExecutionPlan:
        job, whole = self._job.get_definition(), self._whole
        if whole is None or whole.known_state.dynamic_mappings != known_state.dynamic_mappings:
            self._config, whole = self._planned(job, known_state)
            self._whole = whole
        return whole._replace(known_state=known_state).build_subset_plan([key], job, self._config)

    def _planned(self, job: JobDefinition, known_state: Any) -> tuple[ResolvedRunConfig, ExecutionPlan]:
        found, load_data = _plans.get(job.name), self._load_data
        if found and found.job is job and not self._given and not known_state.dynamic_mappings:
            return found.config, found.plan._replace(repository_load_data=load_data)
        config = ResolvedRunConfig.build(job, self._given)
        return config, ExecutionPlan.build(job, config, known_state=known_state, repository_load_data=load_data)

    def _first_context(self, plan: ExecutionPlan) -> Any:
        """Make the context with no resources."""
        manager: Any = self._new_context(execution_plan=plan)
        list(manager.prepare_context())
        self._context = manager.get_context()
        self._managers.append(manager._manager)
        return self._context

    def _initialize(self, context: Any, plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Initialize what a plan requires and no step before has required."""
        missing = get_required_resource_keys_to_init(plan, context.job_def) - self._resources.keys()
        definitions = context.job_def.get_required_resource_defs()
        configs = context.resolved_run_config.resources
        for key in missing:
            found = _prepared.get(key)
            # The run's config can have other values.
            if found and found[:2] == (definitions[key], configs[key]):
                self._resources[key] = found.resource
        if missing := missing - self._resources.keys():
            manager: Any = resource_initialization_manager(
                resource_defs=definitions,
                resource_configs=configs,
                log_manager=context.log,
                execution_plan=plan,
                dagster_run=context.dagster_run,
                resource_keys_to_init=missing,
                instance=context.instance,
                emit_persistent_events=True,
                event_loop=context.event_loop,
            )
            yield from manager.generate_setup_events()
            self._resources |= manager.get_object().resource_instance_dict
            self._managers.append(manager)


def _no_resources(**_: Any) -> Any:
    """Take the place of Dagster's resource_initialization_manager."""
    return EventGenerationManager((one for one in (ScopedResourcesBuilder(),)), ScopedResourcesBuilder)
