"""Comparison with the old system's transcript, in shadow mode: one attempt per run; a sensor requests further ones."""

import time

import dagster as dg

from domain import backoff, comparison
from domain.comparison import ShadowComparison
from domain.notifications import event_id
from domain.results import Transcript
from reflector_assets.assets.asset import check, recording_asset, result
from reflector_assets.assets.step import step
from resources.database.deliveries import Deliveries
from resources.old_system.transcripts import OldTranscripts

COMPARED = "compared"
# Waits between queries to the old system, doubling from the first to the longest, and the time after which to give up:
# it processes what failed again in the following night.
FIRST_WAIT_S, LONGEST_WAIT_S, GIVE_UP_AFTER_S = 120.0, 3600.0, 2 * 86400.0


@recording_asset(
    revision=2,
    group="shadow",
    kinds={"python"},
    checks=[(COMPARED, "A finished transcript of the old system was compared with; a warning until then.")],
)
def shadow_comparison(
    context: dg.AssetExecutionContext, transcript: Transcript, old_transcripts: OldTranscripts, deliveries: Deliveries
) -> dg.MaterializeResult[ShadowComparison]:
    """Title, summaries, topics and words of both systems, and the word error rate between them."""
    with step(context, "shadow_comparison") as work:
        # The recording is finished, whatever is wrong with the old system.
        value, least = old_transcripts.compare(transcript)
        waits = _settle(deliveries, transcript, value, least)
    return result(
        value,
        work,
        {
            "word_error_rate": value.word_error_rate,
            "same_title": value.same_title,
            "note": value.note,
            "old_transcript": value.their_id,
            **({"old_page": dg.MetadataValue.url(value.their_url)} if value.their_url else {}),
            "comparison": dg.MetadataValue.md(comparison.table(value)),
        },
        checks=[
            check(
                COMPARED,
                [] if value.theirs else [value.note or "nothing to compare with"],
                {"word_error_rate": value.word_error_rate, "waits": waits},
                warn=True,
            )
        ],
    )


def _settle(deliveries: Deliveries, transcript: Transcript, value: ShadowComparison, least: float) -> bool:
    """Record the attempt's outcome; return True if another attempt is to follow, after `least` seconds at the least."""
    now = time.time()
    key = f"comparison:{event_id(transcript)}"
    deliveries.create(key, "comparison", transcript.id, newest_only=True, now=now)
    claimed = deliveries.claim(key, now)
    if claimed is None:
        return False
    if value.theirs is not None:
        deliveries.settle(claimed, "sent", now=now)
        return False
    wait = max(backoff.delay(claimed.attempts, FIRST_WAIT_S, LONGEST_WAIT_S), min(least, LONGEST_WAIT_S))
    if now + wait - claimed.created_at > GIVE_UP_AFTER_S:
        deliveries.settle(claimed, "given_up", reason=value.note, now=now)
        return False
    deliveries.settle(claimed, "waiting", reason=value.note, due_at=now + wait, now=now)
    return True
