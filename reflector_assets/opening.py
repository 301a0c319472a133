"""Opens resources outside of Dagster, as the commands and the service do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from dagster import ConfigurableResource, DagsterInstance, ResourceDependency, build_init_resource_context

R = TypeVar("R", bound="ConfigurableResource[Any]")


class _NoInstance(DagsterInstance):
    """In place of the in-memory instance that Dagster would create, which takes 70 ms; no resource uses it."""

    def __init__(self) -> None: ...


class _Holder(ConfigurableResource[Any]):
    held: ResourceDependency[Any]


@contextmanager
def opened(resource: R) -> Iterator[R]:
    """Resolve a resource's environment variables and initialize it; raises what its initialization raises."""
    with (
        build_init_resource_context(instance=_NoInstance()) as context,
        _Holder.from_resource_context_cm(context, {"held": resource}) as holder,
    ):
        yield holder.held
