"""Sensors without work by the settings are stopped by default, and say why; with their settings they start."""

import dagster as dg
import pytest

from reflector_assets import definitions
from reflector_assets.settings.main import Settings
from sensors import consents, deliveries, failures, fallback, old_consents, poll, retention, unmatched

ZULIP = {
    "ZULIP_REALM": "https://zulip.example.com",
    "ZULIP_BOT_EMAIL": "bot@example.com",
    "ZULIP_API_KEY": "a-key",
    "ZULIP_DAG_STREAM": "operations",
}
OLD = {"REFLECTOR_OLD_URL": "https://old.example.com"}
OFF, SHADOW = {"REFLECTOR_MODE": "off"}, {"REFLECTOR_MODE": "shadow", **OLD}


def built(given: dict[str, str]) -> dict[str, dg.SensorDefinition | dg.ScheduleDefinition]:
    settings = Settings.model_validate(given)
    found: list[dg.SensorDefinition | dg.ScheduleDefinition] = [
        consents.build("process", definitions.graph, settings),
        deliveries.build("process", definitions.graph, settings),
        *(module.build(settings) for module in (failures, fallback, old_consents, poll, retention, unmatched)),
    ]
    return {one.name: one for one in found}


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("poll_daily", {}, "DAILY_API_KEY isn't set"),
        ("poll_daily", {"DAILY_API_KEY": "a-key"}, None),
        ("tell_failures", {}, "ZULIP_DAG_STREAM isn't set"),
        ("tell_failures", {"ZULIP_DAG_STREAM": "operations"}, "ZULIP_REALM isn't set"),
        ("tell_failures", {**ZULIP, **SHADOW}, "REFLECTOR_MODE is shadow"),
        ("tell_failures", ZULIP, None),
        ("tell_unmatched_denials", {}, "ZULIP_DAG_STREAM isn't set"),
        ("tell_unmatched_denials", ZULIP, None),
        ("fall_back", {}, "REFLECTOR_FALLBACK isn't set"),
        ("fall_back", {**SHADOW, "REFLECTOR_FALLBACK": "true"}, "REFLECTOR_MODE is shadow"),
        ("fall_back", {**OLD, "REFLECTOR_FALLBACK": "true"}, None),
        ("follow_consents", OFF, "REFLECTOR_MODE is off"),
        ("follow_consents", {}, None),
        ("copy_old_consents", OLD, "REFLECTOR_OLD_DATABASE_URL isn't set"),
        ("copy_old_consents", {"REFLECTOR_OLD_DATABASE_URL": "postgresql://old/reflector"}, None),
        ("deliver_webhooks", OFF, "REFLECTOR_MODE is off"),
        ("deliver_webhooks", SHADOW, None),
        ("deliver_webhooks", {}, None),
        ("retention", {}, "neither PUBLIC_DATA_RETENTION_DAYS nor REFLECTOR_RETIRE_DAYS is set"),
        ("retention", {"REFLECTOR_RETIRE_DAYS": "90"}, None),
    ],
)
def test_what_has_no_work_is_stopped_and_gives_the_reason(name: str, given: dict[str, str], reason: str | None) -> None:
    found = built(given)[name]
    assert found.default_status.value == ("STOPPED" if reason else "RUNNING")
    assert found.description
    first, *_ = found.description.split(". ")
    assert first == f"Stopped: {reason}" if reason else "Stopped" not in found.description
