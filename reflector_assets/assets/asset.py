"""What all assets share: partitions, policy, versions, and the shape of a result."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import dagster as dg
import pandas as pd
from pydantic import BaseModel

from domain.events import CAUSES
from domain.steps import STEPS
from reflector_assets import tags, wiring
from reflector_assets.assets.step import Context, Work
from reflector_assets.io_manager import data_version
from reflector_assets.partitions import recordings
from reflector_assets.policies import op_tags, policies, retry_policy

OWNERS = ["team:transcripts"]
T = TypeVar("T", bound=BaseModel | pd.DataFrame)


def code_version(asset: str, revision: int) -> str:
    """Version of an asset's code: its revision, and for GPU and LLM assets what else decides the result."""
    match STEPS[asset].identity:
        case "transcriber":
            identity = wiring.transcriber().identity()
        case "understanding":
            identity = wiring.understanding().identity(asset)
        case None:
            return str(revision)
    return f"{revision}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def recording_asset(
    *,
    revision: int,
    group: str,
    kinds: set[str],
    checks: Sequence[tuple[str, str]] = (),
    deps: Sequence[str] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare an asset of one recording, whose facts are in domain/steps.py and whose events are in domain/events.py.

    `checks` are (name, description) pairs that its result answers. The asset runs after the assets `deps`, too,
    without reading their values. Raise `revision` when a change of the code should make finished recordings stale.
    """

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        name = compute.__name__
        if checks:
            # Dagster reads the annotation as that of the value and of all checks together, and refuses it.
            compute.__annotations__.pop("return", None)
        events = ", ".join(cause.event for cause in CAUSES.get(name, ()))
        return dg.asset(
            partitions_def=recordings,
            metadata={"events": events} if events else None,
            group_name=group,
            deps=list(deps),
            kinds=kinds,
            owners=OWNERS,
            code_version=code_version(name, revision),
            check_specs=[dg.AssetCheckSpec(check, asset=name, description=text) for check, text in checks],
            retry_policy=retry_policy(name),
            op_tags=op_tags(name),
            pool=policies()[name].pool,
        )(compute)

    return declare


class Refreshable(Protocol):
    """A resource that keeps answers of paid calls, and can be told to ask anew."""

    def refreshed(self) -> Self:
        """Return one that uses no kept answer and keeps the new ones."""
        ...


R = TypeVar("R", bound=Refreshable)


def for_run(context: Context, resource: R) -> R:
    """Return the resource as this run wants it: runs that force make every paid call anew."""
    return resource.refreshed() if context.run.tags.get(tags.FORCE) == "true" else resource


def result(
    value: T,
    work: Work,
    metadata: Mapping[str, Any] | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
) -> dg.MaterializeResult[T]:
    """An asset's result: the value, its content hash as data version, metadata and what the step took."""
    return dg.MaterializeResult(
        value=value,
        data_version=data_version(value),
        metadata={**(metadata or {}), **work.metadata},
        check_results=list(checks),
    )


def check(name: str, problems: list[str], *, warn: bool = False) -> dg.AssetCheckResult:
    """A check's answer: passed without problems, else failed with each of them in its metadata."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        metadata={"problems": dg.MetadataValue.md("\n".join(f"- {p}" for p in problems))} if problems else {},
    )
