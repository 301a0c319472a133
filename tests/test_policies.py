"""The table of policies says what the specification says, and can be overridden."""

import os
import subprocess
import sys
from typing import Any

import pytest

from domain.errors import PermanentError
from domain.steps import STEPS
from reflector_assets.policies import op_tags, retry_delay, retry_policy, timeout_for, with_timeouts

SPECIFIED = {
    "recording": (60, 3),
    "participants": (60, 3),
    "padded_tracks": (300, 3),
    "mixed_audio": (600, 3),
    "waveform": (120, 3),
    "transcribe_track": (1800, 3),
    "track_transcripts": (1800, 3),
    "merged_words": (60, 3),
    "topics": (300, 3),
    "title": (60, 3),
    "summary": (300, 3),
    "action_items": (300, 3),
    "transcript": (60, 3),
    "consent_cleanup": (60, 3),
    "zulip_message": (60, 5),
    # Not in the specification's table.
    "corrections": (60, 3),
    "shadow_comparison": (60, 3),
    "webhook_delivery": (60, 30),
}


def test_the_table_is_the_specified_one():
    assert {step: (policy.timeout, policy.retries) for step, policy in STEPS.items()} == SPECIFIED


@pytest.mark.parametrize(
    ("work", "seconds"),
    [
        ({"tracks": 2, "duration": 600}, 600),
        ({"tracks": 20, "duration": 600}, 1560),
        ({"tracks": 4, "duration": 3 * 3600}, 1620),
        ({}, 600),
    ],
)
def test_mixing_may_take_longer_for_more_work(work: dict[str, Any], seconds: float):
    assert timeout_for("mixed_audio", **work) == seconds


def test_topics_may_take_longer_for_more_chunks():
    assert timeout_for("topics", chunks=3) == 300
    assert timeout_for("topics", chunks=40) > timeout_for("topics", chunks=20) > 300


def test_padding_may_take_its_time_for_each_track():
    assert [timeout_for("padded_tracks", tracks=tracks) for tracks in (0, 1, 4)] == [300, 300, 1200]


def test_retries_back_off_exponentially_with_jitter():
    policy = retry_policy("transcribe_track")
    assert policy is not None
    assert policy.max_retries == 3
    thirds = [policy.calculate_delay(3) for _ in range(200)]
    assert 20 <= min(thirds) < max(thirds) <= 45, "7 times 5 s, give or take 5 s"


def test_what_a_sensor_delivers_is_not_retried_in_the_run():
    assert retry_policy("webhook_delivery") is None


def test_deliveries_go_on_for_a_day_at_most_an_hour_apart():
    delays = [retry_delay("webhook_delivery", attempt) or 0.0 for attempt in range(1, 31)]
    assert delays[:4] == [60, 120, 240, 480]
    assert max(delays) == 3600
    assert 23 * 3600 <= sum(delays) <= 26 * 3600
    assert retry_delay("webhook_delivery", 31) is None


def test_transcribing_goes_before_mixing():
    priorities = [int(str(op_tags(step)["dagster/priority"])) for step in ("transcribe_track", "mixed_audio")]
    assert priorities[0] > priorities[1]


def test_timeouts_and_delays_can_be_overridden():
    changed = with_timeouts({"topics": 2}, retry_delay=0.1)
    assert changed["topics"].timeout == 2
    assert changed["title"].timeout == 60
    assert {policy.backoff for policy in changed.values()} == {0.1}
    assert STEPS["topics"].timeout == 300


@pytest.mark.parametrize("wrong", [{"topic": 2}, {"topics": 0}, {"topics": -1}, {"topics": float("nan")}])
def test_wrong_overrides_are_rejected(wrong: dict[str, float]):
    with pytest.raises(PermanentError, match="REFLECTOR_STEP_TIMEOUTS"):
        with_timeouts(wrong)


@pytest.mark.slow
def test_the_deployments_settings_reach_the_steps():
    code = (
        "from reflector_assets.policies import retry_policy, timeout_for\n"
        "print(timeout_for('mixed_audio', tracks=90), retry_policy('title').delay)"
    )
    env = {**os.environ, "REFLECTOR_STEP_TIMEOUTS": '{"mixed_audio": 2}', "REFLECTOR_RETRY_DELAY": "0.5"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2.0", "0.5"]
