"""What all assets share: partitions, policy, versions, and the shape of a result."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import dagster as dg
import pandas as pd
from pydantic import BaseModel

from domain.events import Cause
from domain.text import words
from reflector_assets import tags, wiring
from reflector_assets.assets.step import Context, Work
from reflector_assets.partitions import recordings
from reflector_assets.policies import op_tags, policies, retry_policy

OWNERS = ["team:transcripts"]
# The events that assets cause, as they declare it.
CAUSES: dict[str, tuple[Cause, ...]] = {}
T = TypeVar("T", bound=BaseModel | pd.DataFrame)


def code_version(asset: str, revision: int) -> str:
    """Version of an asset's code: its revision, and for GPU and LLM assets what else decides the result."""
    if asset == "track_transcripts":
        identity = wiring.transcriber().identity()
    elif asset in {"topics", "title", "summary", "action_items"}:
        identity = wiring.understanding().identity(asset)
    else:
        return str(revision)
    return f"{revision}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def recording_asset(
    *,
    revision: int,
    group: str,
    kinds: set[str],
    checks: Sequence[tuple[str, str]] = (),
    deps: Sequence[str] = (),
    causes: Sequence[Cause] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Declare an asset of one recording; `checks` are (name, description) pairs that its result answers.

    `causes` are the events that listeners get when it was made, in their order.
    It comes after the assets `deps`, too, whose values it doesn't read. Raise `revision` when a change of the code
    should make finished recordings stale.
    """

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        name = compute.__name__
        if checks:
            # Dagster reads the annotation as that of the value and of all checks together, and refuses it.
            compute.__annotations__.pop("return", None)
        CAUSES[name] = tuple(causes)
        return dg.asset(
            partitions_def=recordings,
            metadata={"events": ", ".join(cause.event for cause in causes)} if causes else None,
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


def data_version(value: BaseModel | pd.DataFrame) -> dg.DataVersion:
    """Content hash of a value: equal content stops a re-run from spreading downstream."""
    content = words.to_parquet(value) if isinstance(value, pd.DataFrame) else value.model_dump_json().encode()
    return dg.DataVersion(hashlib.sha256(content).hexdigest()[:16])


def check(name: str, problems: list[str], *, warn: bool = False) -> dg.AssetCheckResult:
    """A check's answer: passed without problems, else failed with each of them in its metadata."""
    return dg.AssetCheckResult(
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        metadata={"problems": dg.MetadataValue.md("\n".join(f"- {p}" for p in problems))} if problems else {},
    )
