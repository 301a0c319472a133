"""Settings of other services: transcriber, LLM, database, Daily, stores, Celery broker."""

from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings

from domain.errors import InvalidInput
from domain.signatures import secret_bytes


def _http_url(value: str) -> str:
    # The message omits the value: a URL can contain a password.
    if _parts(value).scheme.lower() not in {"http", "https"} or not _parts(value).hostname:
        raise ValueError("it must be an http or https URL")
    return value


def _base64_secret(value: SecretStr) -> SecretStr:
    try:
        secret_bytes(value.get_secret_value())
    except InvalidInput:
        # No example, which might be copied as the secret.
        raise ValueError("it must be base64, as Daily's secrets are; `openssl rand -base64 32` makes one") from None
    return value


def _database_url(value: SecretStr) -> SecretStr:
    if _parts(value.get_secret_value()).scheme.partition("+")[0] not in {"postgresql", "sqlite"}:
        raise ValueError("it must be the URL of a PostgreSQL or SQLite database")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    parts = _parts(value.get_secret_value())
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("it must be a redis or rediss URL")
    return value


def _parts(url: str) -> SplitResult:
    """Split a URL; the parts of an invalid one are empty."""
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
    """The part of `Settings` about other services and their credentials."""

    transcript_backend: Literal["whisper", "modal", "openai"] = Field(
        "whisper",
        alias="TRANSCRIPT_BACKEND",
        description="Transcriber: `whisper` in this process, a GPU service (`modal`), or an OpenAI-compatible endpoint "
        "(`openai`).",
    )
    whisper_model: str = Field(
        "base",
        alias="REFLECTOR_WHISPER_MODEL",
        description="Model of the embedded Whisper: a model name or a path to a CTranslate2 model.",
    )
    whisper_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        alias="REFLECTOR_WHISPER_DEVICE",
        description="Where the embedded Whisper runs: `cpu`, `cuda`, or `auto`: a CUDA device if there is one.",
    )
    whisper_fallback: bool | None = Field(
        None,
        alias="REFLECTOR_WHISPER_FALLBACK",
        description="Use the CPU if the CUDA device or its library is missing, instead of failing; if unset, `true` "
        "for `auto` and `false` for `cuda`.",
        examples=["true"],
    )
    whisper_compute_type: str | None = Field(
        None,
        alias="REFLECTOR_WHISPER_COMPUTE_TYPE",
        description="CTranslate2's type of numbers; if unset, `int8` on a CPU and `float16` on a GPU.",
        examples=["int8_float16"],
        pattern=r"^[a-z0-9_]+$",
    )
    whisper_batch: int | None = Field(
        None,
        alias="REFLECTOR_WHISPER_BATCH",
        description="Stretches of speech, of up to 28 s, transcribed at once; if unset, 4 on a CPU and 48 on a GPU.",
        examples=["16"],
        ge=1,
        le=256,
    )
    whisper_threads: int = Field(
        0,
        alias="REFLECTOR_WHISPER_THREADS",
        description="CPU threads of the embedded Whisper; 0: CTranslate2's default of 4, or OMP_NUM_THREADS.",
        ge=0,
    )
    transcriber_at_once: int | None = Field(
        None,
        alias="REFLECTOR_TRANSCRIBER_AT_ONCE",
        description="Tracks that `reflector transcriber serve` transcribes at once; if unset, 1 on a CPU and 4 on a "
        "GPU.",
        examples=["2"],
        ge=1,
    )
    transcriber_queue: int = Field(
        32,
        alias="REFLECTOR_TRANSCRIBER_QUEUE",
        description="Calls that `reflector transcriber serve` lets wait; others are answered with 503 and Retry-After.",
        ge=0,
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
        description="Bearer token of the transcription service; `reflector transcriber serve` requires it of its "
        "clients.",
    )
    transcript_model: str | None = Field(
        None,
        alias="REFLECTOR_TRANSCRIPT_MODEL",
        description="Model name sent to the transcription service.",
        examples=["whisper-1"],
    )
    transcript_file_timeout: float = Field(
        1500, alias="TRANSCRIPT_FILE_TIMEOUT", description="Time limit of one transcription call, in seconds.", gt=0
    )
    llm_url: HttpUrl | None = Field(
        None,
        alias="LLM_URL",
        description="Base URL of an OpenAI-compatible chat endpoint; if unset, topics, title, summary and action items "
        "are extracted from the text without an LLM, decisions and next steps in English, German and Spanish only.",
        examples=["https://api.openai.com/v1"],
    )
    llm_model: str = Field("gpt-4o-mini", alias="LLM_MODEL", description="Model name sent to the LLM endpoint.")
    llm_api_key: SecretStr | None = Field(None, alias="LLM_API_KEY", description="Bearer token of the LLM endpoint.")
    llm_request_timeout: float = Field(
        120, alias="LLM_REQUEST_TIMEOUT", description="Time limit of one LLM call, in seconds.", gt=0
    )
    llm_parse_max_retries: int = Field(
        3,
        alias="LLM_PARSE_MAX_RETRIES",
        description="How many times an invalid LLM answer is sent back with the validation error.",
        ge=0,
    )
    llm_concurrency: int = Field(
        4, alias="REFLECTOR_LLM_CONCURRENCY", description="Number of LLM calls that one step makes concurrently.", ge=1
    )
    database_url: DatabaseUrl | None = Field(
        None,
        alias="DATABASE_URL",
        description="Database of inbox, rooms, consent, deliveries and costs; if unset, an SQLite file in "
        "REFLECTOR_DATA_DIR.",
        examples=["postgresql://user:password@host:5432/reflector"],
    )
    database_pool_size: int = Field(
        5,
        alias="REFLECTOR_DATABASE_POOL_SIZE",
        description="Size of one process's pool of connections to the database.",
        ge=1,
    )
    daily_api_key: SecretStr | None = Field(
        None,
        alias="DAILY_API_KEY",
        description="Key for Daily's REST API; if unset, nothing is polled and speakers have no names.",
    )
    daily_api_url: HttpUrl = Field(
        "https://api.daily.co/v1", alias="DAILY_API_URL", description="Base URL of Daily's REST API."
    )
    daily_domain: str | None = Field(
        None,
        alias="DAILY_SUBDOMAIN",
        description="Our domain at Daily, the first part of every track's key; recordings of other domains are "
        "rejected. If unset, the keys of a recording's tracks must all have the same domain.",
        examples=["example"],
    )
    daily_webhook_secret: WebhookSecret | None = Field(
        None,
        alias="DAILY_WEBHOOK_SECRET",
        description="Secret that signs Daily's webhooks, in base64 as Daily issues it.",
    )
    previous_daily_webhook_secret: WebhookSecret | None = Field(
        None,
        alias="REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET",
        description="Previous secret, accepted as well while the secret is being changed.",
    )
    storage_backend: Literal["local", "aws"] = Field(
        "local",
        alias="TRANSCRIPT_STORAGE_BACKEND",
        description="Where results are stored: `local` in REFLECTOR_DATA_DIR, or `aws` in S3 or a compatible store.",
    )
    storage_bucket: str | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_BUCKET_NAME",
        description="Bucket for results (`aws`).",
        examples=["reflector-results"],
    )
    storage_region: str | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_REGION", description="Region of the bucket.", examples=["eu-central-1"]
    )
    storage_access_key_id: SecretStr | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID",
        description="Access key id; if unset, AWS's default credentials are used (environment, profile, machine role).",
    )
    storage_secret_access_key: SecretStr | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY", description="Secret access key."
    )
    storage_endpoint_url: HttpUrl | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL",
        description="URL of an S3-compatible store other than AWS.",
        examples=["https://minio.example.com"],
    )
    storage_public_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_STORAGE_PUBLIC_URL",
        description="URL at which browsers reach that store to play audio, if it differs.",
        examples=["https://files.example.com"],
    )
    storage_prefix: str = Field(
        "", alias="REFLECTOR_STORAGE_PREFIX", description="Prefix of all keys in the bucket.", examples=["reflector"]
    )
    storage_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        "none", alias="REFLECTOR_STORAGE_ENCRYPTION", description="Server-side encryption to request from the store."
    )
    storage_kms_key_id: str | None = Field(
        None,
        alias="REFLECTOR_STORAGE_KMS_KEY_ID",
        description="AWS KMS key for `aws:kms`; if unset, the account's default key.",
        examples=["alias/reflector"],
    )
    daily_bucket: str | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_BUCKET_NAME",
        description="Bucket that Daily writes tracks to.",
        examples=["daily-recordings"],
    )
    daily_region: str | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_REGION", description="Region of Daily's bucket.", examples=["us-west-2"]
    )
    daily_role_arn: str | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_ROLE_ARN",
        description="Role to assume for reading Daily's bucket.",
        examples=["arn:aws:iam::123456789012:role/daily-reader"],
    )
    daily_access_key_id: SecretStr | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_ACCESS_KEY_ID",
        description="Access key id for Daily's bucket; if unset, AWS's default credentials are used.",
    )
    daily_secret_access_key: SecretStr | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY", description="Secret access key for Daily's bucket."
    )
    daily_endpoint_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_DAILY_ENDPOINT_URL",
        description="URL of the store that holds Daily's bucket, if it isn't AWS.",
        examples=["https://minio.example.com"],
    )
    celery_broker: RedisUrl | None = Field(
        None,
        alias="REFLECTOR_CELERY_BROKER",
        description="Redis that queues steps for Celery workers.",
        examples=["redis://:password@redis:6379/0"],
    )
    celery_backend: RedisUrl | None = Field(
        None,
        alias="REFLECTOR_CELERY_BACKEND",
        description="Redis that stores the workers' results; if unset, REFLECTOR_CELERY_BROKER.",
        examples=["redis://:password@redis:6379/1"],
    )
