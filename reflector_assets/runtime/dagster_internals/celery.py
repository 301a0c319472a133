"""Dagster's Celery executor, which has no public way to watch steps.

The tests of the Celery executor fail when a release changes them. As Celery has no types, they are declared here.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster_celery.core_execution_loop
import dagster_celery.executor
import dagster_celery.make_app
import dagster_celery.tasks
from celery import Celery
from dagster import DagsterEvent
from dagster._core.execution.retries import RetryMode
from dagster_shared.error import SerializableErrorInfo

__all__ = ["SerializableErrorInfo", "create_task", "execution_loop", "make_app", "retry_mode", "submit_task"]

_package: Any = dagster_celery
_retry_mode: Any = RetryMode
create_task: Callable[..., Any] = _package.tasks.create_task
execution_loop: Callable[..., Iterator[DagsterEvent]] = _package.core_execution_loop.core_celery_execution_loop
make_app: Callable[[dict[str, Any]], Celery] = _package.make_app.make_app
retry_mode: Callable[[Any], RetryMode] = _retry_mode.from_config
submit_task: Callable[..., Any] = _package.executor._submit_task
