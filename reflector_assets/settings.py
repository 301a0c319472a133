"""Every setting, once: environment variables or `.env` beside the README, with embedded defaults.

Names that the old pipeline's operators already have in their `.env` are kept; new ones begin with REFLECTOR_.
The table in docs/settings.md is generated from this class.
"""

import os
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from reflector_assets.domain.errors import PermanentError

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """The deployment's configuration; immutable, secrets are SecretStr."""

    model_config = SettingsConfigDict(
        env_file=os.environ.get("REFLECTOR_ENV_FILE", PROJECT_ROOT / ".env"),
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    data_dir: Path = Field(
        Path(".reflector"),
        alias="REFLECTOR_DATA_DIR",
        description="Folder of all results; a relative path counts from the project's folder.",
    )
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
    language: str = Field(
        "en",
        alias="REFLECTOR_LANGUAGE",
        description="Language that is spoken: a code such as `en` or `de`, or `auto` to detect it per track.",
    )
    transcript_url: str | None = Field(
        None, alias="TRANSCRIPT_URL", description="Base URL of the transcription service (`modal`, `openai`)."
    )
    transcript_api_key: SecretStr | None = Field(
        None, alias="TRANSCRIPT_MODAL_API_KEY", description="Bearer token of the transcription service."
    )
    transcript_model: str | None = Field(
        None, alias="REFLECTOR_TRANSCRIPT_MODEL", description="Model name that the transcription service is asked for."
    )
    transcript_file_timeout: float = Field(
        1500, alias="TRANSCRIPT_FILE_TIMEOUT", description="Seconds that one transcription call may take.", gt=0
    )
    llm_url: str | None = Field(
        None,
        alias="LLM_URL",
        description="Base URL of an OpenAI-compatible chat endpoint; without it, topics, title, summary and action "
        "items are extracted from the text itself.",
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
    database_url: SecretStr | None = Field(
        None,
        alias="DATABASE_URL",
        description="Database of the inbox and of rooms, such as `postgresql://user:password@host:5432/reflector`; "
        "without it an SQLite file in REFLECTOR_DATA_DIR.",
    )
    database_pool_size: int = Field(
        5, alias="REFLECTOR_DATABASE_POOL_SIZE", description="Connections that one process keeps to it.", ge=1
    )
    daily_api_key: SecretStr | None = Field(
        None,
        alias="DAILY_API_KEY",
        description="Key of Daily's REST API; without it nothing is polled and speakers have no names.",
    )
    daily_api_url: str = Field(
        "https://api.daily.co/v1", alias="DAILY_API_URL", description="Base URL of Daily's REST API."
    )
    daily_domain: str | None = Field(
        None,
        alias="DAILY_SUBDOMAIN",
        description="Our domain at Daily, the first part of every track's key: recordings of others are refused. "
        "Without it the keys of one recording must agree.",
    )
    daily_webhook_secret: SecretStr | None = Field(
        None, alias="DAILY_WEBHOOK_SECRET", description="Secret of Daily's webhook, base64 as Daily gives it."
    )
    previous_daily_webhook_secret: SecretStr | None = Field(
        None,
        alias="REFLECTOR_PREVIOUS_DAILY_WEBHOOK_SECRET",
        description="Secret that is valid besides while it is being changed.",
    )
    webhook_window: float = Field(
        300,
        alias="REFLECTOR_WEBHOOK_WINDOW",
        description="Seconds that a webhook's timestamp may lie before or after our clock.",
        gt=0,
    )
    poll_interval: int | None = Field(
        None,
        alias="REFLECTOR_POLL_INTERVAL",
        description="Seconds between two looks at Daily's list of recordings; without it 180 where "
        "DAILY_WEBHOOK_SECRET is set, else 15.",
        ge=1,
    )
    poll_days: float | None = Field(
        None,
        alias="REFLECTOR_POLL_DAYS",
        description="Polled recordings that began more days ago are ignored; without it none is.",
        gt=0,
    )
    daily_folder: Path = Field(
        Path(".reflector/daily"),
        alias="REFLECTOR_DAILY_FOLDER",
        description="Folder laid out like Daily's bucket, read where DAILYCO_STORAGE_AWS_BUCKET_NAME isn't set.",
    )
    storage_backend: Literal["local", "aws"] = Field(
        "local",
        alias="TRANSCRIPT_STORAGE_BACKEND",
        description="Where results lie: `local` in REFLECTOR_DATA_DIR, or `aws` in S3 or what speaks its protocol.",
    )
    storage_bucket: str | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_BUCKET_NAME", description="Bucket of results (`aws`)."
    )
    storage_region: str | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_REGION", description="Its region, such as `eu-central-1`."
    )
    storage_access_key_id: SecretStr | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ACCESS_KEY_ID",
        description="Key to it; without one, AWS's own places are searched (environment, profile, the machine's role).",
    )
    storage_secret_access_key: SecretStr | None = Field(
        None, alias="TRANSCRIPT_STORAGE_AWS_SECRET_ACCESS_KEY", description="The key's secret."
    )
    storage_endpoint_url: str | None = Field(
        None,
        alias="TRANSCRIPT_STORAGE_AWS_ENDPOINT_URL",
        description="URL of a store that isn't AWS's, such as `https://minio.example.com`.",
    )
    storage_prefix: str = Field(
        "", alias="REFLECTOR_STORAGE_PREFIX", description="What all keys in it begin with, such as `reflector`."
    )
    storage_encryption: Literal["none", "AES256", "aws:kms"] = Field(
        "none", alias="REFLECTOR_STORAGE_ENCRYPTION", description="Encryption that the store is asked for."
    )
    storage_kms_key_id: str | None = Field(
        None, alias="REFLECTOR_STORAGE_KMS_KEY_ID", description="Key of AWS KMS for `aws:kms`; else the account's own."
    )
    daily_bucket: str | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_BUCKET_NAME", description="Bucket that Daily writes tracks to."
    )
    daily_region: str | None = Field(None, alias="DAILYCO_STORAGE_AWS_REGION", description="Its region.")
    daily_role_arn: str | None = Field(
        None,
        alias="DAILYCO_STORAGE_AWS_ROLE_ARN",
        description="Role that is assumed to read it where no key is set; with a key it is only Daily's, for writing.",
    )
    daily_access_key_id: SecretStr | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_ACCESS_KEY_ID", description="Key to it; without one as for the other bucket."
    )
    daily_secret_access_key: SecretStr | None = Field(
        None, alias="DAILYCO_STORAGE_AWS_SECRET_ACCESS_KEY", description="The key's secret."
    )
    daily_endpoint_url: str | None = Field(
        None, alias="REFLECTOR_DAILY_ENDPOINT_URL", description="URL of its store where that isn't AWS's."
    )
    host: str = Field("127.0.0.1", alias="REFLECTOR_HOST", description="Address that `reflector serve` listens at.")
    port: int = Field(1250, alias="REFLECTOR_PORT", description="Port that it listens at.", ge=0, le=65535)
    api_token: SecretStr | None = Field(
        None, alias="REFLECTOR_API_TOKEN", description="Bearer token of our HTTP API; without it the API is closed."
    )
    trial: bool = Field(
        False,
        alias="REFLECTOR_TRIAL",
        description="A trial on this machine: webhooks need no signature and the API no token; only for 127.0.0.1.",
    )
    cpu_steps: int = Field(
        2, alias="REFLECTOR_CPU_STEPS", description="Steps that pad or mix at once, over all runs.", ge=1
    )
    gpu_steps: int | None = Field(
        None,
        alias="REFLECTOR_GPU_STEPS",
        description="Tracks that are transcribed at once, over all runs; without it 1 for the embedded Whisper, "
        "which uses all cores, and 8 for a service.",
        ge=1,
    )
    llm_steps: int = Field(
        2,
        alias="REFLECTOR_LLM_STEPS",
        description="Steps that ask the LLM at once, over all runs; times REFLECTOR_LLM_CONCURRENCY: calls at once.",
        ge=1,
    )
    prompts: Path | None = Field(
        None, alias="REFLECTOR_PROMPTS", description="TOML file with own prompts in place of the built-in ones."
    )
    call_cache_bytes: int = Field(
        2_000_000_000,
        alias="REFLECTOR_CALL_CACHE_BYTES",
        description="Bytes that kept answers of GPU and LLM calls may take, oldest out first; 0 keeps none.",
        ge=0,
    )
    step_timeouts: dict[str, float] = Field(
        {},
        alias="REFLECTOR_STEP_TIMEOUTS",
        description='Other time limits, as JSON: seconds by step, such as `{"transcribe_track": 600}`.',
    )
    retry_delay: float | None = Field(
        None,
        alias="REFLECTOR_RETRY_DELAY",
        description="Seconds before a step's first retry, for all steps in place of their own.",
        ge=0,
    )
    reach: str = Field(
        "7",
        alias="REFLECTOR_REACH",
        description="How far back a change of code reaches by itself: `none`, a number of days, or `all`.",
        pattern=r"none|all|\d+",
    )
    ui_base_url: str = Field(
        "http://127.0.0.1:3000", alias="UI_BASE_URL", description="Where users reach Dagster's pages; used in links."
    )
    executor: Literal["processes", "celery", "k8s"] = Field(
        "processes",
        alias="REFLECTOR_EXECUTOR",
        description="Where the steps of a run are executed: in `processes` on the run's own machine, by `celery` "
        "workers on several machines, or each in a pod of its own (`k8s`).",
    )
    celery_broker: SecretStr | None = Field(
        None,
        alias="REFLECTOR_CELERY_BROKER",
        description="Redis that hands steps to Celery workers, such as `redis://:password@redis:6379/0`.",
    )
    celery_backend: SecretStr | None = Field(
        None,
        alias="REFLECTOR_CELERY_BACKEND",
        description="Redis that takes the workers' answers; without it REFLECTOR_CELERY_BROKER.",
    )
    kubernetes_pods: dict[str, dict[str, object]] = Field(
        {},
        alias="REFLECTOR_K8S_PODS",
        description="What the pods of steps ask of Kubernetes, as JSON by pool (`cpu`, `gpu`, `llm`), in the form of "
        "the tag `dagster-k8s/config`: "
        '`{"gpu": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}}`.',
    )

    @field_validator("data_dir", "prompts", "daily_folder")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else PROJECT_ROOT / value.expanduser()

    def pools(self) -> dict[str, int]:
        """How many steps of each pool run at once."""
        gpu = self.gpu_steps or (1 if self.transcript_backend == "whisper" else 8)
        return {"cpu": self.cpu_steps, "gpu": gpu, "llm": self.llm_steps}

    @property
    def poll_seconds(self) -> int:
        """Seconds between two looks at Daily's list of recordings."""
        return self.poll_interval or (180 if self.daily_webhook_secret else 15)

    @property
    def reach_seconds(self) -> float:
        """How old a recording may be to be reached by a change of code, in seconds."""
        if self.reach == "none":
            return 0.0
        return float("inf") if self.reach == "all" else float(self.reach) * 86400


@cache
def get_settings() -> Settings:
    """Read the settings once per process; raises PermanentError that names each wrong setting."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue] - every field has a default
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False))
        raise PermanentError(f"the settings are wrong: {wrong}", hint="See docs/settings.md.") from None
    except SettingsError as error:
        # Its message names the field, not the variable that users know.
        aliases = {name: field.alias for name, field in Settings.model_fields.items()}
        named = next((alias for name, alias in aliases.items() if f'"{name}"' in str(error)), None)
        raise PermanentError(
            f"the settings are wrong: {named or error}: not valid JSON", hint="See docs/settings.md."
        ) from None


def markdown_page() -> str:
    """docs/settings.md, made from the settings themselves."""
    head = "# Settings\n\nEnvironment variables, or a file `.env` in the project's folder. Nothing has to be set.\n\n"
    rows = ["| Setting | Default | What it does |", "| --- | --- | --- |"]
    for field in Settings.model_fields.values():
        default = "" if field.default is None or field.default == {} else f"`{field.default}`"
        rows.append(f"| `{field.alias}` | {default} | {field.description} |")
    rows.append("| `DAGSTER_HOME` | this folder | Another Dagster instance: the folder of its `dagster.yaml`. |")
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
