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

    @field_validator("data_dir", "prompts")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else PROJECT_ROOT / value.expanduser()

    def pools(self) -> dict[str, int]:
        """How many steps of each pool run at once."""
        gpu = self.gpu_steps or (1 if self.transcript_backend == "whisper" else 8)
        return {"cpu": self.cpu_steps, "gpu": gpu, "llm": self.llm_steps}

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
