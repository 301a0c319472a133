"""What Dagster's own executors of steps are made of, and what ours needs of it.

tests/runtime/test_dagster_internals.py fails when a release changes it.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple, Self

from dagster import DagsterInstance, JobDefinition
from dagster._core.definitions.scoped_resources_builder import ScopedResourcesBuilder
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterSubprocessError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import ExecuteRunWithPlanIterable, create_execution_plan
from dagster._core.execution.context_creation_job import PlanExecutionContextManager, create_context_free_log_manager
from dagster._core.execution.plan.execute_plan import inner_plan_execution_iterator
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
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
    "Resources",
    "RetryMode",
    "SerializableErrorInfo",
    "capture_interrupts",
    "create_context_free_log_manager",
    "create_execution_plan",
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


_prepared: dict[str, Prepared] = {}


def prepare(job: JobDefinition, instance: DagsterInstance) -> None:
    """Do for the processes that are forked from this one what depends on a job alone.

    That is its config's schema, a plan, and its resources, of which none may use the instance. One that can't be
    initialized is left to the steps, which report it.
    """
    create_execution_plan(job)
    configs: Mapping[str, Any] = ResolvedRunConfig.build(job).resources
    for key, definition in job.resource_defs.items():
        with suppress(Exception):
            manager: Any = resource_initialization_manager(
                resource_defs=job.resource_defs,
                resource_configs=configs,
                log_manager=DagsterLogManager.create(loggers=[]),
                execution_plan=None,
                dagster_run=None,
                resource_keys_to_init={key},
                instance=instance,
                emit_persistent_events=False,
                event_loop=None,
            )
            list(manager.generate_setup_events())
            _prepared[key] = Prepared(definition, configs[key], manager.get_object().resource_instance_dict[key])


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
