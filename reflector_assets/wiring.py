"""Builds the resources from the settings; the only module that chooses between implementations."""

from functools import cache
from typing import Any

from domain.errors import InvalidInput, PermanentError
from domain.recording import folder
from domain.signatures import secret_bytes
from domain.vocabulary import parse
from reflector_assets import opening
from reflector_assets.env_secrets import pass_secret as _secret
from reflector_assets.settings.main import Settings, get_settings
from resources.call_cache import CallCache, SharedCallCache
from resources.daily.api import DailyAPI
from resources.daily.source import AnnouncedSource, DailySource, Sources
from resources.database.audit import Audit
from resources.database.consents import Consents
from resources.database.corrections import CorrectionHistory
from resources.database.database import Database
from resources.database.deletions import Deletions
from resources.database.deliveries import Deliveries
from resources.database.inbox import Inbox
from resources.database.rooms import Rooms
from resources.database.sessions import Sessions
from resources.database.shares import Shares
from resources.database.tokens import Tokens
from resources.llm.client import LLM
from resources.llm.own_prompts import read_prompts
from resources.llm.understanding import Extractive, Understanding, WithLLM
from resources.local_folder import LocalFolder
from resources.outgoing.http import Outgoing
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.webhook import Webhook
from resources.outgoing.zulip import Zulip
from resources.outgoing.zulip_messages import Messages
from resources.source import Source
from resources.store import erasure
from resources.store.base import LocalStore, Store
from resources.transcription.base import Transcriber
from resources.transcription.gpu import GPUService
from resources.transcription.openai import OpenAIAudio
from resources.transcription.whisper import EmbeddedWhisper

opened = opening.opened


@cache
def store() -> Store:
    """Return the store of results."""
    settings = get_settings()
    if settings.storage_backend == "local":
        return LocalStore(root=str(settings.data_dir))
    from resources.store.s3 import S3Store  # noqa: PLC0415 - boto3, which few deployments need

    return S3Store(
        bucket=_required("TRANSCRIPT_STORAGE_AWS_BUCKET_NAME", settings.storage_bucket, "reflector-results"),
        prefix=settings.storage_prefix,
        region=settings.storage_region,
        endpoint_url=settings.storage_endpoint_url,
        public_endpoint_url=settings.storage_public_url,
        access_key_id=_secret("TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID", settings.storage_access_key_id),
        secret_access_key=_secret("TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY", settings.storage_secret_access_key),
        encryption=settings.storage_encryption,
        kms_key_id=settings.storage_kms_key_id,
        settings_prefix="TRANSCRIPT_STORAGE_AWS",
        folder=str(settings.data_dir / "tmp"),
    )


@cache
def imported() -> LocalFolder:
    """Return the source of recordings imported from folders."""
    return LocalFolder(store=store())


@cache
def source() -> Sources:
    """Return the source of recordings: imported folders, and Daily."""
    settings = get_settings()
    bucket, domain = daily_bucket(), settings.daily_domain
    if settings.daily_api_key is None:
        daily: Source = AnnouncedSource(inbox=inbox(), bucket=bucket, daily_domain=domain)
    else:
        daily = DailySource(api=daily_api(), bucket=bucket, daily_domain=domain)
    return Sources(imported=imported(), daily=daily)


@cache
def daily_bucket() -> Store:
    """Return the bucket that Daily writes tracks to, or a local folder with the same layout."""
    settings = get_settings()
    if settings.daily_bucket is None:
        return LocalStore(root=str(settings.daily_folder))
    from resources.store.s3 import S3Store  # noqa: PLC0415 - boto3, which few deployments need

    return S3Store(
        bucket=settings.daily_bucket,
        region=settings.daily_region,
        endpoint_url=settings.daily_endpoint_url,
        access_key_id=_secret("DAILYCO_STORAGE_AWS_ACCESS_KEY_ID", settings.daily_access_key_id),
        secret_access_key=_secret("DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY", settings.daily_secret_access_key),
        # The old system's settings have both: there the role is the one with which Daily writes.
        role_arn=None if settings.daily_access_key_id else settings.daily_role_arn,
        settings_prefix="DAILYCO_STORAGE_AWS",
        folder=str(settings.data_dir / "tmp"),
    )


@cache
def daily_api() -> DailyAPI:
    """Return the client of Daily's REST API."""
    settings = get_settings()
    return DailyAPI(base_url=settings.daily_api_url, api_key=_secret("DAILY_API_KEY", settings.daily_api_key))


def webhook_secrets() -> list[bytes]:
    """Return the secrets that sign Daily's webhooks; raise InvalidInput with the setting's name for an invalid one."""
    settings = get_settings()
    given = {
        "DAILY_WEBHOOK_SECRET": settings.daily_webhook_secret,
        "REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET": settings.previous_daily_webhook_secret,
    }
    secrets: list[bytes] = []
    for name, value in given.items():
        if value is None:
            continue
        try:
            secrets.append(secret_bytes(value.get_secret_value()))
        except InvalidInput as error:
            raise InvalidInput(f"{name}: {error.what}", hint=error.hint) from None
    return secrets


@cache
def database() -> Database:
    """Return this product's database."""
    settings = get_settings()
    if settings.database_url is None:
        return Database(url=f"sqlite:///{settings.data_dir / 'reflector.db'}")
    return Database(url=_secret("DATABASE_URL", settings.database_url), pool_size=settings.database_pool_size)


@cache
def inbox() -> Inbox:
    """Return the inbox of notifications and list entries from Daily."""
    settings = get_settings()
    return Inbox(database=database(), relays=settings.old_url is not None and settings.mode != "live")


@cache
def rooms() -> Rooms:
    """Return the rooms' settings."""
    return Rooms(database=database())


@cache
def consents() -> Consents:
    """Return the participants' consents to keep audio."""
    return Consents(database=database())


@cache
def correction_history() -> CorrectionHistory:
    """Return the history of corrections."""
    return CorrectionHistory(database=database())


@cache
def sessions() -> Sessions:
    """Return the sessions of the pages."""
    return Sessions(database=database())


@cache
def audit() -> Audit:
    """Return the audit log."""
    return Audit(database=database())


@cache
def shares() -> Shares:
    """Return the links that share recordings."""
    return Shares(database=database())


@cache
def tokens() -> Tokens:
    """Return the tokens of the HTTP API."""
    return Tokens(database=database())


@cache
def deletions() -> Deletions:
    """Return the requests to delete recordings."""
    return Deletions(database=database())


def audio_is_gone(recording_id: str) -> bool:
    """Return True if a recording's audio was deleted permanently, or its tracks stayed in the old system."""
    return erasure.is_deleted(store(), recording_id) or imported().is_taken_over(recording_id)


def files_of(recording_id: str) -> set[str]:
    """Return the keys of a recording's files in the store of results."""
    return set(store().list_keys(folder(recording_id)))


@cache
def leaving() -> OutgoingMode:
    """Return the mode of outgoing deliveries, and what they state about this deployment."""
    settings = get_settings()
    return OutgoingMode(
        mode=settings.mode,
        page_url=settings.page_url,
        language=settings.language,
        webhook_format=settings.webhook_format,
    )


@cache
def messages() -> Messages:
    """Return the messages in Zulip."""
    settings = get_settings()
    zulip = Zulip(
        realm=settings.zulip_realm or "",
        email=settings.zulip_bot_email or "",
        api_key=_secret("ZULIP_API_KEY", settings.zulip_api_key),
    )
    return Messages(database=database(), zulip=zulip)


@cache
def deliveries() -> Deliveries:
    """Return the outgoing deliveries and their states."""
    return Deliveries(database=database())


@cache
def webhook() -> Webhook:
    """Return the sender of the rooms' webhooks."""
    return Webhook(outgoing=outgoing())


@cache
def outgoing() -> Outgoing:
    """Return what sends requests to URLs of third parties."""
    settings = get_settings()
    return Outgoing(allow_http=settings.allow_http, allowed_networks=settings.allowed_networks or "")


@cache
def call_cache() -> CallCache:
    """Return the cache of paid GPU and LLM calls."""
    settings = get_settings()
    folder, limit = str(settings.data_dir / "calls"), settings.call_cache_bytes
    if settings.storage_backend == "local":
        return CallCache(folder=folder, max_bytes=limit)
    return SharedCallCache(folder=folder, max_bytes=limit, store=store())


@cache
def transcriber() -> Transcriber:
    """Return the transcriber of tracks."""
    settings = get_settings()
    if settings.transcript_backend == "whisper":
        return embedded_whisper()
    heard = _heard(settings)
    url = _required("TRANSCRIPT_URL", settings.transcript_url, "https://gpu.example.com")
    key = _secret("TRANSCRIPT_MODAL_API_KEY", settings.transcript_api_key)
    if settings.transcript_backend == "modal":
        model = settings.transcript_model
        return GPUService(url=url, api_key=key, model=model, timeout=settings.transcript_file_timeout, **heard)
    model = settings.transcript_model or "whisper-1"
    return OpenAIAudio(url=url, api_key=key, model=model, timeout=settings.transcript_file_timeout, **heard)


@cache
def embedded_whisper() -> EmbeddedWhisper:
    """Return the Whisper in this process."""
    settings = get_settings()
    return EmbeddedWhisper(
        model=settings.whisper_model,
        threads=settings.whisper_threads,
        device=settings.whisper_device,
        compute_type=settings.whisper_compute_type,
        batch=settings.whisper_batch,
        fall_back=settings.whisper_fallback,
        **_heard(settings),
    )


def _heard(settings: Settings) -> dict[str, Any]:
    return {
        "language": settings.language,
        "common_terms": parse(settings.vocabulary),
        "model_dir": str(settings.data_dir / "models"),
    }


@cache
def understanding() -> Understanding:
    """Return the generator of topics, title, summary and action items."""
    settings = get_settings()
    if settings.llm_url is None:
        return Extractive()
    return WithLLM(
        llm=_llm(settings),
        prompts=read_prompts(settings.prompts) if settings.prompts else {},
        cache=call_cache(),
    )


def lazy_imports(settings: Settings) -> list[str]:
    """Return the modules that the resources import on first use, which takes most of a second."""
    uses_openai = settings.llm_url is not None or settings.transcript_backend == "openai"
    uses_s3 = settings.storage_backend == "aws" or settings.daily_bucket is not None
    return [
        *(["openai.resources.chat", "openai.resources.audio", "anyio.from_thread"] if uses_openai else []),
        *(["resources.store.s3_connection"] if uses_s3 else []),
        *(["redis", "reflector_assets.runtime.celery"] if settings.executor == "celery" else []),
    ]


def _llm(settings: Settings) -> LLM:
    return LLM(
        base_url=settings.llm_url or "",
        model=settings.llm_model,
        api_key=_secret("LLM_API_KEY", settings.llm_api_key),
        request_timeout=settings.llm_request_timeout,
        parse_max_retries=settings.llm_parse_max_retries,
        max_concurrency=settings.llm_concurrency,
    )


def _required(name: str, value: str | None, example: str) -> str:
    """Return a setting that the chosen implementation requires; raise PermanentError if it is missing."""
    if value is None:
        raise PermanentError(f"{name} is missing", hint=f"Set it, for example to {example}; see docs/settings.md.")
    return value
