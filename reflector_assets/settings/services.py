"""Settings of what lies outside: who transcribes and understands, Daily, the database, the stores, the broker."""

from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from domain.errors import InvalidInput
from domain.signatures import secret_bytes


def _http_url(value: str) -> str:
    # Told without the value: a URL can hold a password.
    if _parts(value).scheme.lower() not in {"http", "https"} or not _parts(value).hostname:
        raise ValueError("it is no http or https URL")
    return value


def _base64_secret(value: SecretStr) -> SecretStr:
    try:
        secret_bytes(value.get_secret_value())
    except InvalidInput:
        # No example: somebody would take it for the secret.
        raise ValueError("it is not base64, which Daily's secrets are; `openssl rand -base64 32` makes one") from None
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if _parts(value.get_secret_value()).scheme.partition("+")[0] not in {"postgresql", "sqlite"}:
        raise ValueError("it is no URL of a PostgreSQL or SQLite database")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    parts = _parts(value.get_secret_value())
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("it is no redis or rediss URL")
    return value


def _parts(url: str) -> SplitResult:
    """Take a URL apart; one that can't be has no parts."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return urlsplit("")
    return parts


HttpUrl = Annotated[str, AfterValidator(_http_url)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_base64_secret)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class ServiceSettings(BaseSettings):
    """The part of `Settings` that names other programs, with their keys."""

    transcript_backend: Literal["whisper", "modal", "openai"] = Field(
        "whisper",
        alias="TRANSCRIPT_BACKEND",
        description="Who transcribes: `whisper` in this process, a GPU service (`modal`), or an `openai` endpoint.",
    )
    whisper_model: str = Field(
        "base",
        alias="REFLECTOR_WHISPER_MODEL",
        description="Model of the embedded Whisper: a path to a CTranslate2 model, or a known name.",
    )
    transcript_url: HttpUrl | None = Field(
        None,
        alias="TRANSCRIPT_URL",
        description="Base URL of the transcription service (`modal`, `openai`).",
        examples=["https://gpu.example.com"],
    )
    transcript_api_key: SecretStr | None = Field(
        None,
        alias="TRANSCRIPT_MODAL_API_KEY",
        description="Bearer token of the transcription service.",
    )
    transcript_model: str | None = Field(
        None,
        alias="REFLECTOR_TRANSCRIPT_MODEL",
        description="Model name that the transcription service is asked for.",
        examples=["whisper-1"],
    )
    transcript_file_timeout: float = Field(
        1500, alias="TRANSCRIPT_FILE_TIMEOUT", description="Seconds that one transcription call may take.", gt=0
    )
    llm_url: HttpUrl | None = Field(
        None,
        alias="LLM_URL",
        description="Base URL of an OpenAI-compatible chat endpoint; without it, topics, title, summary and action "
        "items are extracted from the text itself.",
        examples=["https://api.openai.com/v1"],
    )
    llm_model: str = Field(
        "gpt-4o-mini", alias="LLM_MODEL", description="Model name that the LLM endpoint is asked for."
    )
    llm_api_key: SecretStr | None = Field(None, alias="LLM_API_KEY", description="Bearer token of the LLM endpoint.")
    llm_request_timeout: float = Field(
        120, alias="LLM_REQUEST_TIMEOUT", description="Seconds that one LLM call may take.", gt=0
    )
    llm_parse_max_retries: int = Field(
        3,
        alias="LLM_PARSE_MAX_RETRIES",
        description="How often an invalid answer is sent back with the validation error.",
        ge=0,
    )
    llm_concurrency: int = Field(
        4, alias="REFLECTOR_LLM_CONCURRENCY", description="LLM calls that one step makes at once.", ge=1
    )
    database_url: DatabaseUrl | None = Field(
        None,
        alias="DATABASE_URL",
        description="Database of the inbox and of rooms; without it an SQLite file in REFLECTOR_DATA_DIR.",
        examples=["postgresql://user:password@host:5432/reflector"],
    )
    database_pool_size: int = Field(
        5, alias="REFLECTOR_DATABASE_POOL_SIZE", description="Connections that one process keeps to it.", ge=1
    )
    daily_api_key: SecretStr | None = Field(
        None,
        alias="DAILY_API_KEY",
        description="Key of Daily's REST API; without it nothing is polled and speakers have no names.",
    )
    daily_api_url: HttpUrl = Field(
        "https://api.daily.co/v1", alias="DAILY_API_URL", description="Base URL of Daily's REST API."
    )
    daily_domain: str | None = Field(
        None,
        alias="DAILY_SUBDOMAIN",
        description="Our domain at Daily, the first part of every track's key: recordings of others are refused. "
        "Without it the keys of one recording must agree.",
        examples=["example"],
    )
    daily_webhook_secret: WebhookSecret | None = Field(
        None,
        alias="DAILY_WEBHOOK_SECRET",
        description="Secret of Daily's webhook, base64 as Daily gives it.",
    )
    previous_daily_webhook_secret: WebhookSecret | None = Field(
        None,
        alias="REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET",
        description="Secret that is valid besides while it is being changed.",
    )
    storage_backend: Literal["local", "aws"] = Field(
        "local",
        alias="TRANSCRIPT_STORAGE_BACKEND",
        description="Where results lie: `local` in REFLECTOR_DATA_DIR, or `aws` in S3 or what speaks its protocol.",
    )
    storage_bucket: str | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_BUCKET_NAME",
        description="Bucket of results (`aws`).",
        examples=["reflector-results"],
    )
    storage_region: str | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_REGION", description="Its region.", examples=["eu-central-1"]
    )
    storage_access_key_id: SecretStr | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID",
        description="Key to it; without one, AWS's own places are searched (environment, profile, the machine's role).",
    )
    storage_secret_access_key: SecretStr | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY", description="The key's secret."
    )
    storage_endpoint_url: HttpUrl | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL",
        description="URL of a store that isn't AWS's.",
        examples=["https://minio.example.com"],
    )
    storage_public_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_STORAGE_PUBLIC_URL",
        description="Where browsers reach that store, if at another address; they play audio from there.",
        examples=["https://files.example.com"],
    )
    storage_prefix: str = Field(
        "", alias="REFLECTOR_STORAGE_PREFIX", description="What all keys in it begin with.", examples=["reflector"]
    )
    storage_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        "none", alias="REFLECTOR_STORAGE_ENCRYPTION", description="Encryption that the store is asked for."
    )
    storage_kms_key_id: str | None = Field(
        None,
        alias="REFLECTOR_STORAGE_KMS_KEY_ID",
        description="Key of AWS KMS for `aws:kms`; else the account's own.",
        examples=["alias/reflector"],
    )
    daily_bucket: str | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_BUCKET_NAME",
        description="Bucket that Daily writes tracks to.",
        examples=["daily-recordings"],
    )
    daily_region: str | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_REGION", description="Its region.", examples=["us-west-2"]
    )
    daily_role_arn: str | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_ROLE_ARN",
        description="Role that is assumed to read it.",
        examples=["arn:aws:iam::123456789012:role/daily-reader"],
    )
    daily_access_key_id: SecretStr | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_ACCESS_KEY_ID",
        description="Key to it; without one as for the other bucket.",
    )
    daily_secret_access_key: SecretStr | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY", description="The key's secret."
    )
    daily_endpoint_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_DAILY_ENDPOINT_URL",
        description="URL of its store where that isn't AWS's.",
        examples=["https://minio.example.com"],
    )
    celery_broker: RedisUrl | None = Field(
        None,
        alias="REFLECTOR_CELERY_BROKER",
        description="Redis that hands steps to Celery workers.",
        examples=["redis://:password@redis:6379/0"],
    )
    celery_backend: RedisUrl | None = Field(
        None,
        alias="REFLECTOR_CELERY_BACKEND",
        description="Redis that takes the workers' answers; without it REFLECTOR_CELERY_BROKER.",
        examples=["redis://:password@redis:6379/1"],
    )
