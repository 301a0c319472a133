"""The meeting's content: topics, title, summary, decisions and next steps."""

import dagster as dg

from domain.corrections import texts
from domain.corrections.gathered import Corrections
from domain.errors import DEFECTS, PermanentError, TransientError, reason
from domain.recording import Participants, folder
from domain.results import ActionItems, Summary, Title, Topics
from domain.text.captions import clock, plain
from domain.text.markdown import safe
from domain.text.table import Table
from domain.text.topics import UNTITLED, long_summary
from domain.text.words import by_person
from reflector_assets import tags
from reflector_assets.assets.asset import check, conflicting, for_run, recording_asset, result, tag_run
from reflector_assets.assets.corrections import read_by_model
from reflector_assets.assets.step import step
from reflector_assets.io_manager import as_failure
from reflector_assets.policies import policies, timeout_for
from resources import usage
from resources.llm.understanding import Understanding, Usage
from resources.results import originals
from resources.store.base import Store

USAGE: tuple[usage.Amount, ...] = ("llm_calls", "prompt_tokens", "completion_tokens")


@recording_asset(revision=1, group="understanding", kinds={"python", "llm"})
def topics(
    context: dg.AssetExecutionContext,
    merged_words: Table,
    participants: Participants,
    corrections: Corrections,
    understanding: Understanding,
    store: Store,
) -> dg.MaterializeResult[Topics]:
    """The meeting in sections by subject, each with a title and a summary."""
    recording_id = context.partition_key
    with as_failure(recording_id):
        read = read_by_model(recording_id, corrections, merged_words, participants, store)
        chunks = read.chunks()
    with step(context, "topics", seconds=timeout_for("topics", chunks=len(chunks))) as work:
        made, used = for_run(context, understanding).topics(
            by_person(read.words, read.participants.numbers()),
            read.participants.names(),
            recording=recording_id,
            parts=chunks,
        )
        value, conflicts = texts.topics(made, corrections.of("topics"))
    listed = "\n".join(f"- **{clock(t.timestamp)} {plain(t.title)}**: {plain(t.summary)}" for t in value.root)
    errors = [f"{t.title}: {t.error}" for t in value.root if t.error]
    return result(
        value,
        work,
        {
            "topics": len(value.root),
            "preview": dg.MetadataValue.md(listed or "*none*"),
            **({"error": "; ".join(errors)} if errors else {}),
            **conflicting(conflicts),
            **llm_usage(used),
        },
    )


@recording_asset(revision=1, group="understanding", kinds={"python", "llm"})
def title(
    context: dg.AssetExecutionContext,
    topics: Topics,
    corrections: Corrections,
    understanding: Understanding,
    store: Store,
) -> dg.MaterializeResult[Title]:
    """The meeting's title, generated from its topics unless a person wrote one."""
    recording_id = context.partition_key
    with step(context, "title") as work:
        try:
            if written := texts.written_title(corrections.of("title")):
                originals.keep_generated(recording_id, Title, store)
                value, used = written, Usage()
            else:
                generated = texts.generated_topics(topics)
                value, used = for_run(context, understanding).title(generated, recording=recording_id)
                if corrections.number:
                    originals.store_generated(recording_id, value, store)
        except DEFECTS as error:
            value, used = Title(title=UNTITLED, method="none", error=reason(error)), _counted()
    tag_run(context, tags.TITLE, value.title)
    return result(value, work, {"title": value.title, "method": value.method, **_failed(value), **llm_usage(used)})


@recording_asset(revision=1, group="understanding", kinds={"python", "llm"})
def summary(
    context: dg.AssetExecutionContext,
    merged_words: Table,
    topics: Topics,
    participants: Participants,
    corrections: Corrections,
    understanding: Understanding,
    store: Store,
) -> dg.MaterializeResult[Summary]:
    """A summary in one paragraph, and a long one by subject, in Markdown."""
    recording_id = context.partition_key
    with step(context, "summary") as work:
        try:
            if written := texts.written_summary(corrections.of("summary")):
                originals.keep_generated(recording_id, Summary, store)
                value, used = written, Usage()
            else:
                read = read_by_model(recording_id, corrections, merged_words, participants, store)
                value, used = for_run(context, understanding).summary(
                    by_person(read.words, read.participants.numbers()),
                    texts.generated_topics(topics),
                    read.participants.names(),
                    recording=recording_id,
                )
                if corrections.number:
                    originals.store_generated(recording_id, value, store)
        except DEFECTS as error:
            missing = "The summary could not be made."
            value = Summary(
                long_summary=long_summary(missing, ()), short_summary=missing, method="none", error=reason(error)
            )
            used = _counted()
        value = texts.summary(value, corrections.of("summary"))
        stored = store.write(f"{folder(recording_id)}/summary.md", safe(value.long_summary).encode())
    return result(
        value,
        work,
        {
            "method": value.method,
            "short_summary": value.short_summary,
            "preview": dg.MetadataValue.md(safe(value.long_summary)),
            "stored_summary": stored.key,
            **_failed(value),
            **llm_usage(used),
        },
    )


@recording_asset(
    revision=1,
    group="understanding",
    kinds={"python", "llm"},
    checks=[("action_items_made", "Decisions and next steps were made; the transcript is finished without them.")],
)
def action_items(
    context: dg.AssetExecutionContext,
    merged_words: Table,
    participants: Participants,
    corrections: Corrections,
    understanding: Understanding,
    store: Store,
) -> dg.MaterializeResult[ActionItems]:
    """The decisions, and the next steps with assignee and deadline."""
    recording_id = context.partition_key
    with step(context, "action_items") as work:
        try:
            read = read_by_model(recording_id, corrections, merged_words, participants, store)
            value, used = for_run(context, understanding).action_items(
                by_person(read.words, read.participants.numbers()), read.participants.names(), recording=recording_id
            )
        except (PermanentError, TransientError, *DEFECTS) as error:
            attempts_left = context.retry_number < policies()["action_items"].retries
            if isinstance(error, TransientError) and attempts_left:
                raise
            # A by-product: its failure appears on the asset and in the transcript, and doesn't fail the run.
            value, used = ActionItems(method="none", error=reason(error)), _counted()
        value, conflicts = texts.action_items(value, corrections.of("action_items"))
    return result(
        value,
        work,
        {
            "method": value.method,
            "decisions": len(value.decisions),
            "next_steps": len(value.next_steps),
            **({"dropped_without_evidence": value.dropped} if value.dropped else {}),
            **_failed(value),
            "preview": dg.MetadataValue.md(as_markdown(value)),
            **conflicting(conflicts),
            **llm_usage(used),
        },
        [
            check(
                "action_items_made",
                [value.error] if value.error else [],
                {"decisions": len(value.decisions), "next_steps": len(value.next_steps)},
                warn=True,
            )
        ],
    )


def as_markdown(items: ActionItems) -> str:
    """Return decisions and next steps as two Markdown lists."""
    decisions = [f"- {plain(d.decision)}{f' ({plain(d.decided_by)})' if d.decided_by else ''}" for d in items.decisions]
    steps: list[str] = []
    for item in items.next_steps:
        who = f"**{plain(item.assigned_to)}**: " if item.assigned_to else ""
        steps.append(f"- {who}{plain(item.task)}{f' (by {plain(item.deadline)})' if item.deadline else ''}")
    return "\n".join(["**Decisions**", *(decisions or ["- none"]), "", "**Next steps**", *(steps or ["- none"])])


def _failed(value: Title | Summary | ActionItems) -> dict[str, str]:
    return {"error": value.error} if value.error else {}


def _counted() -> Usage:
    """Return what the model used before an error."""
    return Usage(*(int(usage.counted(name)) for name in USAGE))


def llm_usage(used: Usage) -> dict[str, int]:
    """Return LLM calls and tokens as metadata."""
    return dict(zip(USAGE, used, strict=True))
