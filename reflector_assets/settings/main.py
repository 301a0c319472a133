"""All settings: environment variables or `.env` beside the README, all with defaults.

Settings that the old pipeline also has keep their names; the names of new ones begin with REFLECTOR_.
docs/settings.md is generated from `Settings`.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from reflector_assets.settings.checks import (
    WrongSettings,
    from_json,
    given_names,
    unknown,
    wrong_combinations,
    wrong_values,
)
from reflector_assets.settings.delivery import DeliverySettings
from reflector_assets.settings.pages import PageSettings
from reflector_assets.settings.people import PeopleSettings
from reflector_assets.settings.services import ServiceSettings

# Characters of the token of the HTTP API.
LEAST_TOKEN = 20
PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent


Steps = Annotated[dict[str, float], NoDecode, BeforeValidator(from_json)]
Pods = Annotated[dict[str, dict[str, object]], NoDecode, BeforeValidator(from_json)]


class Settings(PageSettings, PeopleSettings, DeliverySettings, ServiceSettings):
    """The deployment's configuration; immutable; secrets are SecretStr."""

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
        description="Folder for all results and, in its folder `dagster`, Dagster's history; relative paths start at "
        "the project's folder.",
    )
    language: str = Field(
        "en",
        alias="REFLECTOR_LANGUAGE",
        description="Spoken language: a code such as `en` or `de`, or `auto` to detect it, for short tracks by the "
        "whole meeting.",
    )
    vocabulary: str = Field(
        "",
        alias="REFLECTOR_VOCABULARY",
        description="Names and terms to expect in all recordings, separated by commas; each room can have more.",
        examples=["Kubernetes, Grafana"],
    )
    webhook_window: float = Field(
        300,
        alias="REFLECTOR_WEBHOOK_WINDOW",
        description="Allowed difference between a webhook's timestamp and our clock, in seconds.",
        gt=0,
    )
    poll_interval: int | None = Field(
        None,
        alias="REFLECTOR_POLL_INTERVAL",
        description="Seconds between polls of Daily's list of recordings; if unset, 180 with DAILY_WEBHOOK_SECRET and "
        "15 without.",
        examples=["60"],
        ge=1,
    )
    poll_days: float | None = Field(
        None,
        alias="REFLECTOR_POLL_DAYS",
        description="Age in days above which polled recordings are ignored; if unset, none are.",
        examples=["7"],
        gt=0,
    )
    inbox_wait: float = Field(
        4.5,
        alias="REFLECTOR_INBOX_WAIT",
        description="Maximum number of seconds that a tick of the sensor `discovery` waits for arrivals; Dagster "
        "starts one every 5 seconds. 0: arrivals wait for the next tick.",
        ge=0,
        le=30,
    )
    daily_folder: Path = Field(
        Path(".reflector/daily"),
        alias="REFLECTOR_DAILY_FOLDER",
        description="Folder with the layout of Daily's bucket, read if DAILYCO_STORAGE_AWS_BUCKET_NAME isn't set.",
    )
    host: str = Field("127.0.0.1", alias="REFLECTOR_HOST", description="Address that `reflector serve` listens on.")
    port: int = Field(
        1250, alias="REFLECTOR_PORT", description="Port that `reflector serve` listens on.", ge=0, le=65535
    )
    api_token: SecretStr | None = Field(
        None,
        alias="REFLECTOR_API_TOKEN",
        description="Bearer token for our HTTP API, at least 20 printable ASCII characters, as by "
        "`openssl rand -hex 32`; if unset, the API is closed.",
    )
    trial: bool = Field(
        False,
        alias="REFLECTOR_TRIAL",
        description="Trial on this machine, on 127.0.0.1 only: webhooks need no signature and the API no token.",
    )
    cpu_steps: int = Field(
        2, alias="REFLECTOR_CPU_STEPS", description="Number of padding and mixing steps at once, over all runs.", ge=1
    )
    gpu_steps: int | None = Field(
        None,
        alias="REFLECTOR_GPU_STEPS",
        description="Number of tracks transcribed at once, over all runs; if unset, 1 for the embedded Whisper, which "
        "uses all cores, 4 with REFLECTOR_WHISPER_DEVICE=cuda, and 8 for a service.",
        examples=["4"],
        ge=1,
    )
    llm_steps: int = Field(
        2,
        alias="REFLECTOR_LLM_STEPS",
        description="Number of LLM steps at once, over all runs; each makes REFLECTOR_LLM_CONCURRENCY calls at once.",
        ge=1,
    )
    prompts: Path | None = Field(
        None, alias="REFLECTOR_PROMPTS", description="TOML file with prompts that replace the built-in ones."
    )
    call_cache_bytes: int = Field(
        2_000_000_000,
        alias="REFLECTOR_CALL_CACHE_BYTES",
        description="Maximum size of the cache of GPU and LLM answers, in bytes; oldest evicted first; 0 disables it.",
        ge=0,
    )
    step_timeouts: Steps = Field(
        {},
        alias="REFLECTOR_STEP_TIMEOUTS",
        description="Time limits that replace the steps' own, as JSON: seconds by step.",
        examples=['{"transcribe_track": 600}'],
    )
    retry_delay: float | None = Field(
        None,
        alias="REFLECTOR_RETRY_DELAY",
        description="Seconds before a step's first retry; replaces the steps' own delays.",
        examples=["5"],
        ge=0,
    )
    reach: str = Field(
        "7",
        alias="REFLECTOR_REACH",
        description="Maximum age of recordings that are updated automatically after a change of code: `none`, a number "
        "of days, or `all`.",
        pattern=r"none|all|\d+",
    )
    corrections_quiet: float = Field(
        30.0,
        alias="REFLECTOR_CORRECTIONS_QUIET",
        description="Seconds without another edit of a recording after which a run takes its corrections, all in one.",
        ge=0,
    )
    executor: Literal["processes", "multiprocess", "in_process", "celery", "k8s"] = Field(
        "processes",
        alias="REFLECTOR_EXECUTOR",
        description="How a run's steps are executed: in worker processes on the run's machine, each one at a time "
        "(`processes`), by Dagster's executor with a new process per step (`multiprocess`), one after another in the "
        "run's process (`in_process`), by Celery workers on several machines (`celery`), or each in a pod of its own "
        "(`k8s`).",
    )
    warm_idle: float = Field(
        600.0,
        alias="REFLECTOR_WARM_IDLE",
        description="Seconds without a run after which the warm process, from which runs are forked, frees its memory; "
        "the next run starts it again, which takes about two seconds; 0 keeps it.",
        ge=0,
    )
    worker_memory: int = Field(
        1536,
        alias="REFLECTOR_WORKER_MEMORY",
        description="MiB of its own memory after which a worker process (`REFLECTOR_EXECUTOR=processes`) is replaced "
        "before the run's next step; the embedded Whisper takes about 900.",
        ge=64,
    )
    worker_timeout: float = Field(
        30,
        alias="REFLECTOR_WORKER_TIMEOUT",
        description="Seconds without a heartbeat after which a Celery worker counts as dead and its steps are retried.",
        ge=3,
    )
    kubernetes_pods: Pods = Field(
        {},
        alias="REFLECTOR_K8S_PODS",
        description="Kubernetes configuration of steps' pods, as JSON by pool (`cpu`, `gpu`, `llm`), in the form of "
        "the tag `dagster-k8s/config`.",
        examples=['{"gpu": {"container_config": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}}'],
    )

    @field_validator("api_token")
    @classmethod
    def _not_guessable(cls, value: SecretStr | None) -> SecretStr | None:
        token = "" if value is None else value.get_secret_value()
        if value is not None and not re.fullmatch(rf"[!-~]{{{LEAST_TOKEN},}}", token):
            raise ValueError(f"it must be at least {LEAST_TOKEN} printable ASCII characters without blanks")
        return value

    @field_validator("data_dir", "prompts", "daily_folder", "jwt_public_key")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else PROJECT_ROOT / value.expanduser()

    def pools(self) -> dict[str, int]:
        """Return the number of steps of each pool that run at once."""
        whisper = 4 if self.whisper_device == "cuda" else 1
        gpu = self.gpu_steps or (whisper if self.transcript_backend == "whisper" else 8)
        return {"cpu": self.cpu_steps, "gpu": gpu, "llm": self.llm_steps}

    @property
    def poll_seconds(self) -> int:
        """Return the seconds between polls of Daily's list of recordings."""
        return self.poll_interval or (180 if self.daily_webhook_secret else 15)

    @property
    def reach_seconds(self) -> float:
        """Return the maximum age, in seconds, of recordings that are updated after a change of code."""
        if self.reach == "none":
            return 0.0
        return float("inf") if self.reach == "all" else float(self.reach) * 86400


@cache
def get_settings() -> Settings:
    """Return the settings, read once per process. Raises WrongSettings with all problems."""
    fields = Settings.model_fields
    wrong: dict[str, str] = {}
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue] - every field has a default
    except ValidationError as error:
        wrong = wrong_values(error, fields)
        # Check the other settings as if the wrong ones were unset.
        unset = {str(field.alias): field.default for field in fields.values() if field.alias in wrong}
        settings = Settings(**unset)
    problems = [*wrong.values()]
    problems += [problem for names, problem in wrong_combinations(settings) if not names & set(wrong)]
    problems += [f"{name} isn't a setting; did you mean {meant}?" for name, meant in unknown_names() if meant]
    if problems:
        raise WrongSettings(problems)
    return settings


def dagster_home() -> Path:
    """Return the folder of dagster.yaml."""
    return Path(os.environ.get("DAGSTER_HOME") or PROJECT_ROOT)


def dagster_folder(data_dir: Path | None = None, project: Path = PROJECT_ROOT) -> Path:
    """Return the folder of Dagster's files where dagster.yaml names none: beside the results, in REFLECTOR_DATA_DIR.

    Earlier versions had it in the project's folder, wherever the results were: it stays there until somebody moves it.
    """
    beside, earlier = (data_dir or get_settings().data_dir) / "dagster", project / ".reflector" / "dagster"
    if beside.exists():
        return beside
    # Beside the index of all events, each run has a file of its own. What was only looked at has none.
    has_runs = any(log.stem != "index" for log in (earlier / "history" / "runs").glob("*.db"))
    of_moved_results = has_runs and not (earlier.parent / "recordings").exists()
    return earlier if of_moved_results else beside


def unknown_names() -> list[tuple[str, str | None]]:
    """Return the names with our prefix that aren't settings, each with the setting that was probably meant."""
    known = (str(field.alias) for field in Settings.model_fields.values())
    return list(unknown(given_names(Settings.model_config.get("env_file")), known))


def markdown_page() -> str:
    """Return the text of docs/settings.md."""
    head = "# Settings\n\nEnvironment variables, or a file `.env` in the project's folder. None is required.\n\n"
    rows = ["| Setting | Default | Example | What it does |", "| --- | --- | --- | --- |"]
    for field in Settings.model_fields.values():
        default = "" if field.default in (None, {}, "") else f"`{field.default}`"
        example = f"`{field.examples[0]}`" if field.examples else ""
        rows.append(f"| `{field.alias}` | {default} | {example} | {field.description} |")
    rows.append("| `DAGSTER_HOME` | this folder | | Another Dagster instance: the folder of its `dagster.yaml`. |")
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(markdown_page(), end="")
