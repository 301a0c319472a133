"""What all assets share: partitions, policies, versions, and the form of results."""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import dagster as dg
from pydantic import BaseModel

from domain.events import CAUSES
from domain.notifications import page
from domain.steps import STEPS
from domain.text.captions import plain
from domain.text.table import Table
from reflector_assets import tags, wiring
from reflector_assets.assets.step import Context, Work
from reflector_assets.io_manager import data_version
from reflector_assets.partitions import recordings
from reflector_assets.policies import op_tags, policies, retry_policy

# Without partitions, the check of one recording hides those of all others; a test fails when this is removed.
warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)

OWNERS = ["team:transcripts"]
LONGEST_TAG = 100
T = TypeVar("T", bound=BaseModel | Table)


def code_version(asset: str, revision: int) -> str:
    """Return an asset's code version: its revision and, for GPU and LLM assets, the identity of model and settings."""
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
    """Declare an asset per recording; domain/steps.py has its facts, domain/events.py its events.

    `checks` are (name, description) pairs; the asset's result has a result for each. The asset also runs after the
    assets `deps`, without reading their values. Increase `revision` to make finished recordings stale after a change.
    """

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        name = compute.__name__
        if checks:
            # Dagster takes the annotation for that of the value and all checks together, and rejects it.
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
            check_specs=[
                dg.AssetCheckSpec(check, asset=name, description=text, partitions_def=recordings)
                for check, text in checks
            ],
            retry_policy=retry_policy(name),
            op_tags=op_tags(name),
            pool=policies()[name].pool,
        )(compute)

    return declare


class Refreshable(Protocol):
    """A resource that caches the answers of paid calls and can bypass its cache."""

    def refreshed(self) -> Self:
        """Return a copy that ignores cached answers and caches the new ones."""
        ...


R = TypeVar("R", bound=Refreshable)


def for_run(context: Context, resource: R) -> R:
    """Return the resource for this run; in runs with the tag FORCE it ignores cached answers."""
    return resource.refreshed() if context.run.tags.get(tags.FORCE) == "true" else resource


def tag_run(context: Context, tag: str, value: str) -> None:
    """Tag the run that executes a step, so that people recognize it in Dagster's lists."""
    context.instance.add_run_tags(context.run.run_id, {tag: value[:LONGEST_TAG]})


def page_link(recording_id: str, path: str = "") -> dg.UrlMetadataValue:
    """Return a link to a recording's page, or to a path of the service's API about it."""
    base = wiring.leaving().page_url.rstrip("/")
    return dg.MetadataValue.url(f"{base}/v1/transcripts/{recording_id}{path}" if path else page(base, recording_id))


def result(
    value: T,
    work: Work,
    metadata: Mapping[str, Any] | None = None,
    checks: Iterable[dg.AssetCheckResult] = (),
    *,
    uncorrected: T | None = None,
) -> dg.MaterializeResult[T]:
    """Return an asset's result: the value, its content hash as data version, and metadata with the step's usage.

    `uncorrected` is the value without corrections, if there are any.
    """
    return dg.MaterializeResult(
        value=value,
        data_version=data_version(value),
        tags=None if uncorrected is None else {tags.UNCORRECTED: data_version(uncorrected).value},
        metadata={**(metadata or {}), **work.metadata},
        check_results=list(checks),
    )


def conflicting(conflicts: Sequence[str]) -> dict[str, Any]:
    """Return as metadata which corrections don't fit any more; nothing if all fit."""
    return {"conflicts": as_list(conflicts)} if conflicts else {}


def as_list(lines: Sequence[str]) -> dg.MarkdownMetadataValue:
    """Return lines of plain text as a list; they can quote names, the meeting, and other services."""
    return dg.MetadataValue.md("\n".join(f"- {plain(one)}" for one in lines))


def check(
    name: str, problems: list[str], figures: Mapping[str, float | int | None], *, warn: bool = False
) -> dg.AssetCheckResult:
    """Return a check's result, which passes if there are no problems; the metadata has these and the figures."""
    known = {figure: value for figure, value in figures.items() if value is not None}
    listed = {"problems": as_list(problems)} if problems else {}
    return dg.AssetCheckResult(
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.WARN if warn else dg.AssetCheckSeverity.ERROR,
        metadata={**known, **listed},
    )
