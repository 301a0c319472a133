"""Comparison with the old system's transcript, in shadow mode: one attempt per run; a sensor requests further ones."""

import time

import dagster as dg

from domain import backoff, comparison
from domain.comparison import OldTranscript, ShadowComparison
from domain.errors import NotFound
from domain.notifications import event_id
from domain.results import Transcript
from reflector_assets.assets.asset import check, recording_asset, result
from reflector_assets.assets.step import step
from resources.database.deliveries import Deliveries
from resources.outgoing.old_system import OldSystem

COMPARED = "compared"
# Waits between queries to the old system, doubling from the first to the longest, and the time after which to give up.
FIRST_WAIT_S, LONGEST_WAIT_S, GIVE_UP_AFTER_S = 120.0, 3600.0, 86400.0


@recording_asset(
    revision=1,
    group="shadow",
    kinds={"python"},
    checks=[(COMPARED, "The old system's transcript was available to compare with; a warning until it is.")],
)
def shadow_comparison(
    context: dg.AssetExecutionContext, transcript: Transcript, old_system: OldSystem, deliveries: Deliveries
) -> dg.MaterializeResult[ShadowComparison]:
    """Title, summaries, topics and words of both systems, and the word error rate between them."""
    with step(context, "shadow_comparison") as work:
        value = _compare(transcript, old_system)
        waits = _settle(deliveries, transcript, value)
    return result(
        value,
        work,
        {
            "word_error_rate": value.word_error_rate,
            "same_title": value.same_title,
            "note": value.note,
            "comparison": dg.MetadataValue.md(comparison.table(value)),
        },
        checks=[
            check(
                COMPARED,
                [] if value.theirs else [value.note or "nothing to compare with"],
                {"word_error_rate": value.word_error_rate},
                warn=waits,
            )
        ],
    )


def _compare(transcript: Transcript, old_system: OldSystem) -> ShadowComparison:
    try:
        theirs = OldTranscript.read(old_system.transcript(transcript.id))
    except NotFound as error:
        return ShadowComparison(recording_id=transcript.id, ours=comparison.texts(transcript), note=error.what)
    if not theirs.is_finished():
        note = f"the old system is not done with it ({theirs.status})"
        return ShadowComparison(recording_id=transcript.id, ours=comparison.texts(transcript), note=note)
    return comparison.compare(transcript, theirs)


def _settle(deliveries: Deliveries, transcript: Transcript, value: ShadowComparison) -> bool:
    """Record the attempt's outcome; return True if another attempt is to follow."""
    now = time.time()
    key = f"comparison:{event_id(transcript)}"
    deliveries.create(key, "comparison", transcript.id, newest_only=True, now=now)
    claimed = deliveries.claim(key, now)
    if claimed is None:
        return False
    if value.theirs is not None:
        deliveries.settle(claimed, "sent", now=now)
        return False
    wait = backoff.delay(claimed.attempts, FIRST_WAIT_S, LONGEST_WAIT_S)
    if now + wait - claimed.created_at > GIVE_UP_AFTER_S:
        deliveries.settle(claimed, "given_up", reason=value.note, now=now)
        return False
    deliveries.settle(claimed, "waiting", reason=value.note, due_at=now + wait, now=now)
    return True
