"""The sensor that notifies operators of denials of consent that match no recording: one message each."""

import time

import dagster as dg

from domain.errors import ReflectorError, TransientError
from domain.notifications import unmatched_mark, unmatched_text, zulip_topic
from reflector_assets.settings.main import Settings
from resources.database.consents import Consents
from resources.outgoing.zulip_messages import Messages
from sensors.problems import Problems
from sensors.sensor import sensor, why_operators_get_nothing

# Seconds after which a denial should have matched its recording.
TELL_AFTER_S = 3600.0


def build(settings: Settings, tell_after: float = TELL_AFTER_S) -> dg.SensorDefinition:
    """Return the sensor, which reports a denial `tell_after` seconds after it was made."""

    @sensor(
        "Posts to ZULIP_DAG_STREAM each denial of consent that matched no recording for an hour.",
        interval_s=60,
        stopped=why_operators_get_nothing(settings),
    )
    def tell_unmatched_denials(
        context: dg.SensorEvaluationContext, consents: Consents, messages: Messages
    ) -> dg.SkipReason:
        problems = Problems.model_validate_json(context.cursor or "{}")
        late = [one for one in consents.unmatched() if time.time() - one.said_at >= tell_after]
        problems.keep_only({one.meeting_id for one in late})
        if not late:
            return dg.SkipReason("every denial matches a recording, or is new")
        summary = f"{len(late)} denials match no recording: `reflector consent list --unmatched`"
        context.log.warning(summary)
        for denial in late:
            key = f"unmatched:{denial.seq}"
            if (posted := messages.record(key)) is not None and posted.message_id is not None:
                continue
            if problems.is_waiting(denial.meeting_id):
                continue
            stream, topic = settings.zulip_dag_stream or "", zulip_topic(settings.zulip_dag_topic)
            try:
                messages.post_or_edit(key, stream, topic, unmatched_text(denial), mark=unmatched_mark(denial))
            except TransientError as error:
                return dg.SkipReason(f"{summary}; later: {error}")
            except ReflectorError as error:
                # One denial must not stop the others.
                problems.add(denial.meeting_id, error, context.log)
        context.update_cursor(problems.model_dump_json())
        return dg.SkipReason(summary)

    return tell_unmatched_denials
