"""The checks of `reflector doctor` and /health/ready: the settings and every service that they name."""

import os
import time
import uuid
from collections.abc import Collection
from concurrent.futures import Future
from functools import partial
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar, cast

import urllib3
from dagster import ConfigurableResource, DagsterInstance, EnvVar
from pydantic import SecretStr

from domain.errors import PermanentError, ReflectorError, TransientError
from domain.health import Outcome
from reflector_assets import old_wiring, wiring
from reflector_assets.health import dagster_probes
from reflector_assets.health.runner import Probe, ProbeSkipped, examine, root_cause
from reflector_assets.policies import policies
from reflector_assets.runtime.instance import enter_project
from reflector_assets.settings.checks import WrongSettings
from reflector_assets.settings.main import Settings, get_settings, unknown_names
from reflector_assets.wiring import lazy_imports
from resources.database.deliveries import Deliveries
from resources.llm.understanding import WithLLM
from resources.old_system.transcripts import OldTranscripts
from resources.store.base import Store
from resources.store.s3 import S3Store
from resources.transcription.gpu import GPUService

CONTENT = b"Written and removed by `reflector doctor`.\n"
# After a switch to live mode, what the old system began before doesn't count for longer.
SWITCHED_S = 3600.0
R = TypeVar("R", bound=ConfigurableResource[Any])


def check_all(seconds: float) -> list[Outcome]:
    """Check the settings and every service of this deployment."""
    begin = time.monotonic()
    tried = "read them"
    try:
        settings = get_settings()
        policies()
        finding = f"{len(settings.model_fields_set)} are set"
        unknown = ", ".join(name for name, _ in unknown_names())
        finding += f"; unknown: {unknown}" if unknown else ""
        first = Outcome("settings", tried, "ok", round((time.monotonic() - begin) * 1000), finding)
    except ReflectorError as error:
        first = Outcome("settings", tried, "failed", round((time.monotonic() - begin) * 1000), str(error))
        if isinstance(error, WrongSettings):
            return [first]
        settings = get_settings()
    return [first, *examine(probes(settings), seconds, _secrets(settings))]


def check_services(names: Collection[str], seconds: float) -> list[Outcome]:
    """Check only the services with these names."""
    settings = get_settings()
    selected = [probe for probe in probes(settings) if probe.service in names]
    return examine(selected, seconds, _secrets(settings))


def _secrets(settings: Settings) -> list[str]:
    values = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    return sorted((value for value in values if value), key=len, reverse=True)


def probes(settings: Settings) -> list[Probe]:
    """Return the probes of all services, in the order of the report."""
    # Imported first, so that import time doesn't count as response time.
    for module in ("alembic.script", *lazy_imports(settings)):
        import_module(module)
    enter_project()
    instance: Future[DagsterInstance] = Future()
    database = "DATABASE_URL" if settings.database_url else "REFLECTOR_DATA_DIR"
    results = "TRANSCRIPT_STORAGE_*" if settings.storage_backend == "aws" else "REFLECTOR_DATA_DIR"
    transcriber = "REFLECTOR_WHISPER_MODEL" if settings.transcript_backend == "whisper" else "TRANSCRIPT_URL"
    home = "dagster.yaml in DAGSTER_HOME, and DAGSTER_POSTGRES_URL where it is named there"
    bucket = "DAILYCO_STORAGE_AWS_* and REFLECTOR_DAILY_ENDPOINT_URL"
    return [
        Probe("Dagster's storage", "open it, count runs", home, partial(dagster_probes.storage, instance, settings)),
        Probe("Dagster's daemon", "read its last heartbeat", home, partial(dagster_probes.daemon, instance)),
        Probe(
            "pools", "compare their limits with the settings", home, partial(dagster_probes.pools, instance, settings)
        ),
        Probe("recordings", "check their ids", home, partial(dagster_probes.recordings, instance)),
        Probe("database", "connect, check its tables", database, lambda _: _database()),
        Probe("result store", "write, read, list, delete", results, partial(_results, settings, instance)),
        Probe("Daily's bucket", "list and read an object", bucket, partial(_bucket, settings)),
        Probe("Daily's API", "list recordings and webhooks", "DAILY_API_URL", partial(_daily, settings)),
        Probe("transcriber", "everything but a transcription", transcriber, partial(_transcriber, settings)),
        Probe("Whisper's speed", "transcribe 15 s", "REFLECTOR_WHISPER_*", partial(_speed, settings), late="unknown"),
        Probe("LLM", "ask a question of a few words", "LLM_URL", _llm),
        Probe("Zulip", "ask for the bot's account", "ZULIP_REALM, ZULIP_BOT_EMAIL", partial(_zulip, settings)),
        Probe("old system", "read rooms' transcripts", "REFLECTOR_OLD_URL", partial(_old, settings)),
        Probe("Celery broker", "ping", "REFLECTOR_CELERY_BROKER", partial(_broker, settings)),
    ]


def _database() -> str:
    return _resolved(wiring.database()).check()


def _results(settings: Settings, instance: "Future[DagsterInstance]", seconds: float) -> str:
    store = _with_timeout(wiring.store(), seconds)
    key = f"doctor/{uuid.uuid4().hex}.txt"
    store.write(key, CONTENT)
    try:
        if store.read(key) != CONTENT or key not in store.list_keys("doctor"):
            raise PermanentError("a test object isn't read back as written, or isn't listed")
        if isinstance(store, S3Store):
            _fetch(store, key, seconds)
    finally:
        store.delete(key)
    if store.exists(key):
        raise PermanentError(f"{key} still exists after it was deleted")
    dagster_probes.belongs(instance, store, seconds)
    if isinstance(store, S3Store):
        return f"bucket {store.bucket}; presigned URLs are readable"
    shared = "; every worker must share it" if settings.executor in {"celery", "k8s"} else ""
    return f"{settings.data_dir}{shared}"


def _fetch(store: S3Store, key: str, seconds: float) -> None:
    """Read an object from a presigned URL, as a GPU service does; the URL appears in no message."""
    what = f"a presigned URL of the bucket {store.bucket}"
    try:
        with urllib3.PoolManager(ca_certs=os.environ.get("AWS_CA_BUNDLE"), retries=False, timeout=seconds) as pool:
            answer = pool.request("GET", store.url(key, 60))
    except urllib3.exceptions.HTTPError as error:
        raise TransientError(f"{what} can't be fetched ({type(error).__name__})") from None
    if answer.status != 200 or answer.data != CONTENT:
        raise PermanentError(
            f"{what} is answered with {answer.status}", hint=f"Check {store.settings_prefix}_REGION and _ENDPOINT_URL."
        )


def _bucket(settings: Settings, seconds: float) -> str:
    if settings.daily_bucket is None and not settings.daily_folder.is_dir():
        raise ProbeSkipped("not configured", "DAILYCO_STORAGE_AWS_BUCKET_NAME isn't set")
    store = _with_timeout(wiring.daily_bucket(), seconds)
    where = f"bucket {settings.daily_bucket}" if settings.daily_bucket else str(settings.daily_folder)
    store.exists("doctor/nothing")
    for key in islice(store.list_keys(settings.daily_domain or "doctor"), 1):
        # Objects of another owner in the bucket can be listed but not read.
        store.exists(key)
        return f"{where}: {settings.daily_domain}/... can be read"
    return f"{where} exists"


def _daily(settings: Settings, seconds: float) -> str:
    if settings.daily_api_key is None:
        raise ProbeSkipped("not configured", "DAILY_API_KEY isn't set: nothing is polled and speakers have no names")
    api = wiring.daily_api().model_copy(update={"timeout": seconds})
    total = api.recordings(limit=1).total
    hooks = api.webhooks()
    for hook in hooks:
        if hook.state == "FAILED":
            raise PermanentError(
                f"Daily stopped sending to {hook.url} after three failures in a row",
                hint=f"Once it answers again: `reflector daily webhook create {hook.url}`",
            )
    states = ", ".join(hook.state for hook in hooks)
    webhook = f"webhook {states}" if hooks else "no webhook: recordings are found by polling"
    return f"{'unknown number of' if total is None else total} recordings; {webhook}"


def _transcriber(settings: Settings, seconds: float) -> str:
    transcriber = wiring.transcriber()
    finding = transcriber.check(seconds)
    if isinstance(transcriber, GPUService) and settings.storage_backend == "local":
        finding += "; it must share this machine's files, as TRANSCRIPT_STORAGE_BACKEND is local"
    return finding


def _speed(settings: Settings, _: float) -> str:
    if settings.transcript_backend != "whisper":
        raise ProbeSkipped("not configured", f"TRANSCRIPT_BACKEND is {settings.transcript_backend}")
    try:
        return wiring.embedded_whisper().measure()
    except ReflectorError:
        raise ProbeSkipped("unknown", "the transcriber can't be used") from None


def _llm(seconds: float) -> str:
    understanding = wiring.understanding()
    if not isinstance(understanding, WithLLM):
        raise ProbeSkipped(
            "not configured", "LLM_URL isn't set: topics, title and summary are extracted without an LLM"
        )
    return _resolved(understanding.llm).check(seconds)


def _zulip(settings: Settings, seconds: float) -> str:
    if settings.zulip_realm is None:
        raise ProbeSkipped("not configured", "ZULIP_REALM isn't set: nothing is posted")
    return _resolved(wiring.messages().zulip).model_copy(update={"timeout": seconds}).check()


def _old(settings: Settings, seconds: float) -> str:
    if settings.old_url is None:
        raise ProbeSkipped("not configured", "REFLECTOR_OLD_URL isn't set")
    system = _resolved(old_wiring.old_system()).model_copy(update={"timeout": seconds})
    old = OldTranscripts(system=system, database=_resolved(old_wiring.old_database()))
    finding = old.check()
    if settings.mode == "live":
        _check_switched(old)
    return finding


def _check_switched(old: OldTranscripts) -> None:
    """Raise PermanentError if the old system processed more recordings lately than were handed to it."""
    since = time.time() - SWITCHED_S
    made = old.created_since(since)
    handed = Deliveries(database=_resolved(wiring.database())).fallbacks_since(since) if made else 0
    if made > handed:
        raise PermanentError(
            f"the old system began {made} transcripts of rooms in the last hour, and {handed} recordings were handed "
            "to it: it still polls Daily, and both systems publish",
            hint="Set DAILYCO_STORAGE_AWS_BUCKET_NAME to nothing for its Celery worker (docs/moving-over.md).",
        )


def _broker(settings: Settings, seconds: float) -> str:
    if settings.executor != "celery":
        raise ProbeSkipped("not configured", f"REFLECTOR_EXECUTOR is {settings.executor}")
    import redis  # noqa: PLC0415 - only where Celery is installed

    from reflector_assets.runtime.celery import addresses, settings_app  # noqa: PLC0415

    limits = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    for name, url in zip(("BROKER", "BACKEND"), addresses(settings), strict=True):
        try:
            with redis.Redis.from_url(url, **limits) as client:  # pyright: ignore[reportUnknownMemberType] - untyped
                client.ping()  # pyright: ignore[reportUnknownMemberType] - untyped keyword arguments
        except redis.RedisError as error:
            kind = PermanentError if isinstance(error, redis.AuthenticationError) else TransientError
            raise kind(
                f"Redis refuses the connection: {root_cause(error)}", hint=f"Check REFLECTOR_CELERY_{name}."
            ) from None
    app = cast(Any, settings_app())
    workers = len(app.control.ping(timeout=min(1.0, seconds / 2)) or [])
    return f"Redis answers, {workers} workers{'' if workers else ': steps wait for one'}"


def _with_timeout(store: Store, seconds: float) -> Store:
    """Return a copy of a store that gives up within the time limit."""
    if not isinstance(store, S3Store):
        return store
    return store.model_copy(update={"connect_timeout": seconds, "read_timeout": seconds, "max_attempts": 1})


def _resolved(resource: R) -> R:
    """Return a copy of a resource with the values of its environment variables.

    Dagster's own way creates an in-memory instance each time through Alembic, which runs in one thread at a time.
    """
    values = {name: value.get_value() for name, value in resource if isinstance(value, EnvVar)}
    return resource.model_copy(update=values)
