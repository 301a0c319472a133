"""What Dagster's own executors of steps are made of, and what ours needs of it.

tests/runtime/test_dagster_internals.py fails when a release changes it.
"""

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple, Self

from dagster import DagsterInstance, JobDefinition
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterSubprocessError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable
from dagster._core.execution.context_creation_job import PlanExecutionContextManager, create_context_free_log_manager
from dagster._core.execution.plan.execute_plan import inner_plan_execution_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.resources_init import resource_initialization_manager
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
    "Plans",
    "Resources",
    "RetryMode",
    "SerializableErrorInfo",
    "capture_interrupts",
    "create_context_free_log_manager",
    "execute_plan",
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


class Plans:
    """The plans of single steps of a run, which Dagster cuts from that of all steps; here this one is kept."""

    def __init__(self, job: Any, config: Any, repository_load_data: Any) -> None:
        # With the repository that create_execution_plan uses. Its definition is made once for this object alone: it has
        # its hash, and one that comes from another process has a hash that is no other's here.
        self.job = job.with_repository_load_data(repository_load_data)
        self._given, self._load_data = config, repository_load_data
        self._whole: ExecutionPlan | None = None

    def of_step(self, key: str, known_state: Any) -> ExecutionPlan:
        """Return the plan of one step; the known state has the keys of mapped steps."""
        job, whole = self.job.get_definition(), self._whole
        if whole is None or whole.known_state.dynamic_mappings != known_state.dynamic_mappings:
            self._config, whole = self._planned(job, known_state)
            self._whole = whole
        return whole._replace(known_state=known_state).build_subset_plan([key], job, self._config)

    def _planned(self, job: JobDefinition, known_state: Any) -> tuple[ResolvedRunConfig, ExecutionPlan]:
        found = _plans.get(job.name)
        if found and found.job is job and not self._given and not known_state.dynamic_mappings:
            return found.config, found.plan._replace(repository_load_data=self._load_data)
        config = ResolvedRunConfig.build(job, self._given)
        load_data = self._load_data
        return config, ExecutionPlan.build(job, config, known_state=known_state, repository_load_data=load_data)


class Resources:
    """The resources of the steps of one process, each initialized by the first step that requires it, or prepared.

    They are finalized at the end of the block.
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._managers: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for manager in reversed(self._managers):
            list(manager.generate_teardown_events())

    def initialize(self, *, resource_keys_to_init: AbstractSet[str], **rest: Any) -> Any:
        """Take the place of Dagster's resource_initialization_manager for one plan."""
        for key in resource_keys_to_init - self._made.keys():
            found = _prepared.get(key)
            # The run's config can have other values.
            if found and found[:2] == (rest["resource_defs"][key], rest["resource_configs"][key]):
                self._made[key] = found.resource
        return EventGenerationManager(
            self._initialize(resource_keys_to_init=resource_keys_to_init - self._made.keys(), **rest),
            ScopedResourcesBuilder,
        )

    def _initialize(self, **arguments: Any) -> Iterator[Any]:
        if arguments["resource_keys_to_init"]:
            manager = resource_initialization_manager(**arguments)
            yield from manager.generate_setup_events()
            self._made |= manager.get_object().resource_instance_dict
            self._managers.append(manager)
        yield ScopedResourcesBuilder(self._made)


def execute_plan(
    plan: Any, job: Any, run: Any, config: Any, retries: RetryMode, instance: Any, resources: Resources
) -> Iterator[DagsterEvent]:
    """Execute a plan as Dagster's execute_plan_iterator does, with resources that outlive it."""
    context = PlanExecutionContextManager(
        job=job,
        execution_plan=plan,
        run_config=config,
        dagster_run=run,
        instance=instance,
        retry_mode=retries,
        scoped_resources_builder_cm=resources.initialize,
    )
    return iter(ExecuteRunWithPlanIterable(plan, inner_plan_execution_iterator, context))
