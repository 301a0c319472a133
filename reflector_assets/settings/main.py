"""Every setting, once: environment variables or `.env` beside the README, with embedded defaults.

Names that the old pipeline's operators already have in their `.env` are kept; new ones begin with REFLECTOR_.
The table in docs/settings.md is generated from this class.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from reflector_assets.settings.checks import WrongSettings, given_names, unknown, wrong_combinations, wrong_values
from reflector_assets.settings.delivery import DeliverySettings
from reflector_assets.settings.pages import PageSettings
from reflector_assets.settings.services import ServiceSettings

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent


def _json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"it is no JSON: {error}") from None


Steps = Annotated[dict[str, float], NoDecode, BeforeValidator(_json)]
Pods = Annotated[dict[str, dict[str, object]], NoDecode, BeforeValidator(_json)]


class Settings(PageSettings, DeliverySettings, ServiceSettings):
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
    language: str = Field(
        "en",
        alias="REFLECTOR_LANGUAGE",
        description="Language that is spoken: a code such as `en` or `de`, or `auto` to detect it per track.",
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
        examples=["60"],
        ge=1,
    )
    poll_days: float | None = Field(
        None,
        alias="REFLECTOR_POLL_DAYS",
        description="Polled recordings that began more days ago are ignored; without it none is.",
        examples=["7"],
        gt=0,
    )
    daily_folder: Path = Field(
        Path(".reflector/daily"),
        alias="REFLECTOR_DAILY_FOLDER",
        description="Folder laid out like Daily's bucket, read where DAILYCO_STORAGE_AWS_BUCKET_NAME isn't set.",
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
        examples=["4"],
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
    step_timeouts: Steps = Field(
        {},
        alias="REFLECTOR_STEP_TIMEOUTS",
        description="Other time limits, as JSON: seconds by step.",
        examples=['{"transcribe_track": 600}'],
    )
    retry_delay: float | None = Field(
        None,
        alias="REFLECTOR_RETRY_DELAY",
        description="Seconds before a step's first retry, for all steps in place of their own.",
        examples=["5"],
        ge=0,
    )
    reach: str = Field(
        "7",
        alias="REFLECTOR_REACH",
        description="How far back a change of code reaches by itself: `none`, a number of days, or `all`.",
        pattern=r"none|all|\d+",
    )
    executor: Literal["processes", "in_process", "celery", "k8s"] = Field(
        "processes",
        alias="REFLECTOR_EXECUTOR",
        description="Where the steps of a run are executed: in `processes` on the run's own machine, one after another "
        "in the run's own process (`in_process`), by `celery` workers on several machines, or each in a pod of its own "
        "(`k8s`).",
    )
    worker_timeout: float = Field(
        30,
        alias="REFLECTOR_WORKER_TIMEOUT",
        description="Seconds without a sign of life after which a Celery worker counts as gone, and its steps are "
        "tried again.",
        ge=3,
    )
    kubernetes_pods: Pods = Field(
        {},
        alias="REFLECTOR_K8S_PODS",
        description="What the pods of steps ask of Kubernetes, as JSON by pool (`cpu`, `gpu`, `llm`), in the form of "
        "the tag `dagster-k8s/config`.",
        examples=['{"gpu": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}}'],
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
    """Read the settings once per process; raises WrongSettings, which names each wrong or missing one."""
    fields = Settings.model_fields
    wrong: dict[str, str] = {}
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - every field has a default
    except ValidationError as error:
        wrong = wrong_values(error, fields)
        # The others are looked at as if these weren't set.
        unset = {str(field.alias): field.default for field in fields.values() if field.alias in wrong}
        settings = Settings(**unset)
    problems = [*wrong.values()]
    problems += [problem for names, problem in wrong_combinations(settings) if not names & set(wrong)]
    problems += [f"{name} is no setting; is {meant} meant?" for name, meant in unknown_names() if meant]
    if problems:
        raise WrongSettings(problems)
    return settings


def unknown_names() -> list[tuple[str, str | None]]:
    """What is set under a name like ours that is none, with the setting that was most likely meant."""
    known = (str(field.alias) for field in Settings.model_fields.values())
    return list(unknown(given_names(Settings.model_config.get("env_file")), known))


def markdown_page() -> str:
    """docs/settings.md, made from the settings themselves."""
    head = "# Settings\n\nEnvironment variables, or a file `.env` in the project's folder. Nothing has to be set.\n\n"
    rows = ["| Setting | Default | Example | What it does |", "| --- | --- | --- | --- |"]
    for field in Settings.model_fields.values():
        default = "" if field.default in (None, {}, "") else f"`{field.default}`"
        example = f"`{field.examples[0]}`" if field.examples else ""
        rows.append(f"| `{field.alias}` | {default} | {example} | {field.description} |")
    rows.append("| `DAGSTER_HOME` | this folder | | Another Dagster instance: the folder of its `dagster.yaml`. |")
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
