"""What Dagster's own executors of steps are made of, and what ours needs of it.

tests/runtime/test_dagster_internals.py fails when a release changes it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from dagster._core.errors import DagsterExecutionInterruptedError, DagsterSubprocessError
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.context_creation_job import create_context_free_log_manager
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.execution.retries import RetryMode
from dagster._utils import get_run_crash_explanation, interrupts
from dagster_shared.error import SerializableErrorInfo

__all__ = [
    "DagsterEvent",
    "DagsterExecutionInterruptedError",
    "DagsterSubprocessError",
    "EngineEventData",
    "InstanceConcurrencyContext",
    "RetryMode",
    "SerializableErrorInfo",
    "capture_interrupts",
    "create_context_free_log_manager",
    "create_execution_plan",
    "execute_plan_iterator",
    "get_run_crash_explanation",
    "step_worker_started",
    "step_worker_starting",
]

_event: Any = DagsterEvent
step_worker_starting: Callable[..., DagsterEvent] = _event.step_worker_starting
step_worker_started: Callable[..., DagsterEvent] = _event.step_worker_started
capture_interrupts: Callable[[], AbstractContextManager[Any]] = interrupts.capture_interrupts
