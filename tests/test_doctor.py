"""`reflector doctor` against real servers: working services, broken ones, and how they are reported."""

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from dagster._daemon.types import DaemonHeartbeat

from domain.errors import PermanentError, TransientError
from reflector_assets.health.runner import Probe, ProbeSkipped, examine
from resources.transcription.openai import OpenAIAudio
from resources.transcription.whisper_model import FOLDER
from testing import PATIENCE_S
from testing.daemon import open_instance
from testing.deployment import Deployment, deploy
from testing.hosts.gpu_host import GPUHost
from testing.hosts.host import Answer, Host, Request
from testing.parts import free_ports
from testing.parts.all_services import DOMAIN, RESULTS, WEBHOOK_SECRET, Parts, doctor_rows, states
from testing.parts.postgres import PASSWORD
from testing.parts.redis import PASSWORD as REDIS_PASSWORD

SERVICES = ["settings", "Dagster's storage", "Dagster's daemon", "pools", "recordings", "database"]
SERVICES += ["result store", "Daily's bucket", "Daily's API", "transcriber", "Whisper's speed", "LLM", "Zulip"]
SERVICES += ["old system", "Celery broker"]
OTHERS = ("Daily's bucket", "Daily's API", "LLM", "Zulip", "old system", "Celery broker")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with Parts(tmp_path_factory.mktemp("doctor")) as opened:
        yield opened


@pytest.mark.slow
def test_without_settings_only_embedded_services_are_checked(deployment: Deployment) -> None:
    (deployment.data / "reflector.db").unlink()
    deployment.env["COLUMNS"] = "200"
    done = deployment.reflector("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(name in done.stdout for name in SERVICES)
    assert all(word in done.stdout for word in ("not configured", "not running", "empty until its first use"))
    with open_instance(deployment) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "id-of-a-daemon", []))
    assert deployment.reflector("inbox", "list").returncode == 0
    rows = doctor_rows(deployment, 60, 0, [])
    unconfigured = dict.fromkeys(OTHERS, "not configured")
    assert states(rows) == {**dict.fromkeys(SERVICES, "ok"), **unconfigured}
    assert list(rows) == SERVICES
    assert re.search(r"sqlite, tables at revision \w+", rows["database"]["said"])
    assert re.search(r"tiny\.en: .*; on cpu, int8$", rows["transcriber"]["said"])
    assert re.search(r"^[\d.]+ seconds of audio per second on cpu, int8$", rows["Whisper's speed"]["said"])
    # Nothing is left behind.
    assert not [path for path in (deployment.data / "doctor").rglob("*") if path.is_file()]


@pytest.mark.slow(20)
def test_all_services_pass(parts: Parts) -> None:
    parts.daily.recordings = [{"id": "one"}, {"id": "two"}]
    rows = parts.doctor()
    expected = {"Dagster's daemon": "not running", "Whisper's speed": "not configured"}
    assert states(rows) == {**dict.fromkeys(SERVICES, "ok"), **expected}
    assert "2 recordings; no webhook" in rows["Daily's API"]["said"]
    assert f"{DOMAIN}/... can be read" in rows["Daily's bucket"]["said"]
    assert "presigned URLs are readable" in rows["result store"]["said"]
    # The only call that costs is one short question.
    assert not [call for call in parts.gpu.requests if call.status == 200]
    assert parts.llm.count() == 1
    assert [key["Key"] for key in parts.s3.client().list_objects_v2(Bucket=RESULTS).get("Contents", [])] == []


@pytest.mark.slow
def test_wrong_keys_are_named_by_their_setting(parts: Parts) -> None:
    wrong = "wrong-key-of-someone"
    rows = parts.doctor(
        code=1,
        DAGSTER_POSTGRES_URL=f"postgresql+psycopg2://reflector:{wrong}@127.0.0.1:DATABASE_PORT/reflector",
        DATABASE_URL=f"postgresql://reflector:{wrong}@127.0.0.1:DATABASE_PORT/reflector",
        TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY=wrong,
        DAILYCO_STORAGE_AWS_ACCESS_KEY_ID="AKIAWRONG00000000001",
        DAILY_API_KEY=wrong,
        TRANSCRIPT_MODAL_API_KEY=wrong,
        LLM_API_KEY=wrong,
        ZULIP_API_KEY=wrong,
        REFLECTOR_OLD_API_KEY=wrong,
        REFLECTOR_CELERY_BROKER=f"redis://:{wrong}@127.0.0.1:{parts.redis.port}/0",
    )
    named = {
        "Dagster's storage": "DAGSTER_POSTGRES_URL",
        "database": "DATABASE_URL",
        "result store": "TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY",
        "Daily's bucket": "DAILYCO_STORAGE_AWS_ACCESS_KEY_ID",
        "Daily's API": "DAILY_API_KEY",
        "transcriber": "TRANSCRIPT_MODAL_API_KEY",
        "LLM": "LLM_API_KEY",
        "Zulip": "ZULIP_API_KEY",
        "old system": "REFLECTOR_OLD_API_KEY",
        "Celery broker": "REFLECTOR_CELERY_BROKER",
    }
    assert states(rows) == {
        "settings": "ok",
        **dict.fromkeys(named, "failed"),
        "Dagster's daemon": "unknown",
        "pools": "unknown",
        "recordings": "unknown",
        "Whisper's speed": "not configured",
    }
    assert {name: setting in rows[name]["said"] for name, setting in named.items()} == dict.fromkeys(named, True)
    assert wrong not in json.dumps(rows)


@pytest.mark.slow
def test_refused_connections_are_named_by_their_setting(parts: Parts) -> None:
    [port] = free_ports(1)
    nowhere = f"http://127.0.0.1:{port}"
    rows = parts.doctor(
        code=1,
        DATABASE_URL=f"postgresql://reflector:{PASSWORD}@127.0.0.1:{port}/reflector",
        TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL=nowhere,
        REFLECTOR_DAILY_ENDPOINT_URL=nowhere,
        DAILY_API_URL=nowhere,
        TRANSCRIPT_URL=nowhere,
        LLM_URL=nowhere,
        ZULIP_REALM=nowhere,
        REFLECTOR_OLD_URL=nowhere,
        REFLECTOR_CELERY_BROKER=f"redis://:{REDIS_PASSWORD}@127.0.0.1:{port}/0",
    )
    named = {
        "database": "DATABASE_URL",
        "result store": "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL",
        "Daily's bucket": "ENDPOINT_URL",
        "Daily's API": "DAILY_API_URL",
        "transcriber": "TRANSCRIPT_URL",
        "LLM": "LLM_URL",
        "Zulip": "ZULIP_REALM",
        "old system": "REFLECTOR_OLD_URL",
        "Celery broker": "REFLECTOR_CELERY_BROKER",
    }
    assert {name for name, state in states(rows).items() if state == "failed"} == set(named)
    assert {name: setting in rows[name]["said"] for name, setting in named.items()} == dict.fromkeys(named, True)


class Silence(Host[Request]):
    """Accepts every request and answers none."""

    def read(self, request: Request) -> Answer:
        return Answer(how="hang")


@pytest.mark.slow
def test_a_hanging_service_delays_neither_the_others_nor_the_exit(parts: Parts) -> None:
    # Below the 10 s after which the PostgreSQL driver gives up.
    seconds = 9
    silent = {name: proxy.port for name, proxy in parts.proxies.items()}
    for name in ("database", "redis"):
        parts.proxies[name].hang(times=100)
    # boto3's time limits apply to each chunk of a response, and its threads delay the exit of the process.
    parts.proxies["s3"].drip(1, 2.0, times=100)
    with Silence() as silence, ThreadPoolExecutor(2) as both:
        hanging: list[dict[str, str]] = [
            {
                "DATABASE_URL": parts.postgres.url.replace(str(parts.postgres.port), str(silent["database"])),
                "LLM_URL": silence.url,
                "DAILY_API_URL": silence.url,
                "ZULIP_REALM": silence.url,
            },
            {
                "TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent['s3']}",
                "TRANSCRIPT_URL": silence.url,
                "REFLECTOR_OLD_URL": silence.url,
                "REFLECTOR_CELERY_BROKER": parts.redis.url.replace(str(parts.redis.port), str(silent["redis"])),
            },
        ]

        def doctor(settings: dict[str, str]) -> dict[str, dict[str, Any]]:
            return parts.doctor(seconds, 1, **settings)

        done = list(both.map(doctor, hanging))
    failed = [{name for name, state in states(rows).items() if state == "failed"} for rows in done]
    first = {"database", "Daily's API", "LLM", "Zulip"}
    assert failed == [first, {"result store", "transcriber", "old system", "Celery broker"}]
    for rows, names, settings in zip(done, failed, hanging, strict=True):
        findings = [rows[name]["said"] for name in sorted(names)]
        assert all(line.startswith(f"no answer in {seconds} s. Check ") for line in findings), findings
        prefixes = [
            setting.replace("TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL", "TRANSCRIPT_STORAGE_") for setting in settings
        ]
        assert all(any(prefix in line for line in findings) for prefix in prefixes), findings
        assert all(row["milliseconds"] < seconds * 1000 for name, row in rows.items() if name not in names)


@pytest.mark.slow
def test_missing_or_stopped_services_are_reported_with_a_remedy(parts: Parts) -> None:
    parts.daily.webhooks["w"] = {
        "uuid": "w",
        "url": "https://reflector.example.com/v1/daily/webhook",
        "state": "FAILED",
        "failedCount": 3,
        "hmac": WEBHOOK_SECRET,
        "eventTypes": ["recording.ready-to-download"],
    }
    local = deploy(parts.home / "local")
    try:
        rows = parts.doctor(
            code=1,
            DAGSTER_HOME=str(local.home / "dagster"),
            TRANSCRIPT_STORAGE_AWS_BUCKET_NAME="no-such-bucket",
            DAILYCO_STORAGE_AWS_BUCKET_NAME="no-such-bucket-either",
            TRANSCRIPT_URL=f"{parts.gpu.url}/not-its-base",
            LLM_MODEL="no-such-model",
            REFLECTOR_STEP_TIMEOUTS='{"transcribe_trak": 5}',
        )
    finally:
        parts.daily.webhooks.clear()
    findings = {name: row["said"] for name, row in rows.items() if row["state"] == "failed"}
    assert "transcribe_trak" in findings.pop("settings")
    assert "SQLite" in findings.pop("Dagster's storage")
    assert "TRANSCRIPT_STORAGE_AWS_BUCKET_NAME" in findings.pop("result store")
    assert "DAILYCO_STORAGE_AWS_BUCKET_NAME" in findings.pop("Daily's bucket")
    assert "`reflector daily webhook create https://reflector.example.com/v1/daily/webhook`" in findings.pop(
        "Daily's API"
    )
    assert "Check TRANSCRIPT_URL" in findings.pop("transcriber")
    assert "LLM_MODEL" in findings.pop("LLM")
    assert not findings


@pytest.mark.slow
def test_an_old_system_that_still_polls_is_reported(parts: Parts) -> None:
    world = parts.old.world
    meeting = world.add_meeting("weekly-20260323080000", 1774252800)
    world.add_transcript(meeting, "of Daily", duration=60, created_at=time.time())
    try:
        row = parts.doctor(code=1)["old system"]
    finally:
        world.transcripts.clear()
    assert row["state"] == "failed"
    assert "still polls Daily" in row["said"]
    assert "DAILYCO_STORAGE_AWS_BUCKET_NAME" in row["said"]


@pytest.mark.slow
def test_a_missing_permission_to_write_is_reported(parts: Parts) -> None:
    rows = parts.doctor(
        code=1,
        TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID=parts.s3.reader_access_key,
        TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY=parts.s3.reader_secret_key,
        REFLECTOR_LANGUAGE="tlh",
    )
    assert "s3:PutObject" in rows["result store"]["said"]
    assert "REFLECTOR_LANGUAGE" in rows["transcriber"]["said"]
    assert [name for name, state in states(rows).items() if state == "failed"] == ["result store", "transcriber"]


def test_checking_an_openai_endpoint_costs_nothing() -> None:
    with GPUHost() as host:
        transcriber = OpenAIAudio(url=f"{host.url}/v1", api_key=host.key)
        # It has no list of models.
        assert "accepts the key" in transcriber.check(20)
        with pytest.raises(PermanentError, match="TRANSCRIPT_MODAL_API_KEY"):
            transcriber.model_copy(update={"api_key": "wrong-key"}).check(20)
        with pytest.raises(PermanentError, match="Check TRANSCRIPT_URL"):
            transcriber.model_copy(update={"url": f"{host.url}/v2"}).check(20)
        with pytest.raises(TransientError, match="didn't answer in"), Silence() as silence:
            transcriber.model_copy(update={"url": silence.url}).check(0.5)
        assert not [call for call in host.requests if call.status == 200]


def test_damaged_weights_and_a_damaged_database_are_reported(deployment: Deployment) -> None:
    weights = deployment.data / "models" / FOLDER
    weights.mkdir(parents=True)
    (weights / "model.bin").write_bytes(b"not these")
    (deployment.data / "reflector.db").write_bytes(b"not a database" * 100)
    deployment.env |= {"REFLECTOR_WHISPER_MODEL": "base", "REFLECTOR_ODD": "1"}
    rows = doctor_rows(deployment, 60, 1, [])
    assert f"Remove {weights}" in rows["transcriber"]["said"]
    assert "DATABASE_URL" in rows["database"]["said"]
    assert "unknown: REFLECTOR_ODD" in rows["settings"]["said"]
    assert {name for name, state in states(rows).items() if state == "failed"} == {"transcriber", "database"}


def test_only_wrong_settings_are_reported(deployment: Deployment) -> None:
    deployment.env |= {"LLM_URL": "nowhere", "TRANSCRIPT_BACKEND": "modal"}
    rows = doctor_rows(deployment, 60, 1, [])
    assert list(rows) == ["settings"]
    assert [line.split(":")[0].split(" ")[0] for line in rows["settings"]["said"].splitlines()] == [
        "LLM_URL",
        "TRANSCRIPT_URL",
    ]


def test_probes_run_concurrently_and_fail_independently() -> None:
    met, released = threading.Barrier(3), threading.Event()

    def meet(_: float) -> str:
        met.wait(PATIENCE_S)
        return "met"

    def transient(_: float) -> str:
        met.wait(PATIENCE_S)
        raise TransientError("it is away", hint="Check THAT.")

    def odd(_: float) -> str:
        met.wait(PATIENCE_S)
        raise RuntimeError("wrapped") from ValueError("postgresql://user:pass-word@host/db said\nsesame")

    def hang(_: float) -> str:
        released.wait()
        return "late"

    def skip(_: float) -> str:
        raise ProbeSkipped("not configured", "SETTING isn't set")

    runs = {"meet": meet, "transient": transient, "odd": odd, "hang": hang, "skip": skip}
    probes = [Probe(name, f"try {name}", f"SETTING_{name.upper()}", run) for name, run in runs.items()]
    try:
        outcomes = {outcome.door: outcome for outcome in examine(probes, 2, secrets=["sesame"])}
    finally:
        released.set()
    assert list(outcomes) == list(runs)
    assert {name: (outcome.state, outcome.said) for name, outcome in outcomes.items()} == {
        "meet": ("ok", "met"),
        "transient": ("failed", "it is away. Check THAT."),
        "odd": ("failed", "ValueError: postgresql://host/db said ***. Check SETTING_ODD."),
        "hang": ("failed", "no answer in 2 s. Check SETTING_HANG."),
        "skip": ("not configured", "SETTING isn't set"),
    }
    assert [name for name, outcome in outcomes.items() if outcome.hangs] == ["hang"]


def test_a_presigned_url_in_an_error_message_is_redacted() -> None:
    url = "https://store.example.com/b/key?X-Amz-Algorithm=AWS4&X-Amz-Signature=deadbeef"

    def fail(_: float) -> str:
        raise RuntimeError(f"can't read {url}")

    [outcome] = examine([Probe("store", "read", "BUCKET", fail)], 20)
    assert outcome.said == "RuntimeError: can't read https://store.example.com/b/key?... Check BUCKET."
