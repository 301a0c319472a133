"""Builds the doors to the outside from the settings; the only place that chooses between them."""

import os
from functools import cache

from dagster import EnvVar
from pydantic import SecretStr

from reflector_assets.domain.errors import PermanentError
from reflector_assets.settings import Settings, get_settings
from resources.call_cache import CallCache
from resources.gpu import GPUService
from resources.llm import LLM
from resources.local_folder import LocalFolder
from resources.openai_audio import OpenAIAudio
from resources.store import LocalStore, Store
from resources.transcriber import Transcriber
from resources.understanding import Extractive, Understanding, WithLLM, read_prompts
from resources.whisper import EmbeddedWhisper


@cache
def store() -> Store:
    """The store of results."""
    return LocalStore(root=str(get_settings().data_dir))


@cache
def source() -> LocalFolder:
    """Where recordings come from."""
    return LocalFolder(store=store())


@cache
def call_cache() -> CallCache:
    """Answers of GPU and LLM calls that were paid for."""
    settings = get_settings()
    return CallCache(folder=str(settings.data_dir / "calls"), max_bytes=settings.call_cache_bytes)


@cache
def transcriber() -> Transcriber:
    """Who turns a track into words."""
    settings = get_settings()
    if settings.transcript_backend == "whisper":
        return EmbeddedWhisper(
            model=settings.whisper_model, model_dir=str(settings.data_dir / "models"), language=settings.language
        )
    if settings.transcript_url is None:
        raise PermanentError(
            f"TRANSCRIPT_BACKEND is {settings.transcript_backend}, and TRANSCRIPT_URL is missing",
            hint="Set it to the service's base URL, such as https://gpu.example.com",
        )
    key = _secret("TRANSCRIPT_MODAL_API_KEY", settings.transcript_api_key)
    if settings.transcript_backend == "modal":
        return GPUService(
            url=settings.transcript_url,
            api_key=key,
            model=settings.transcript_model,
            timeout=settings.transcript_file_timeout,
            language=settings.language,
        )
    return OpenAIAudio(
        url=settings.transcript_url,
        api_key=key,
        model=settings.transcript_model or "whisper-1",
        timeout=settings.transcript_file_timeout,
        language=settings.language,
    )


@cache
def understanding() -> Understanding:
    """Who makes topics, title, summary and action items."""
    settings = get_settings()
    if settings.llm_url is None:
        return Extractive()
    return WithLLM(
        llm=_llm(settings),
        prompts=read_prompts(settings.prompts) if settings.prompts else {},
        cache=call_cache(),
    )


def _llm(settings: Settings) -> LLM:
    return LLM(
        base_url=settings.llm_url or "",
        model=settings.llm_model,
        api_key=_secret("LLM_API_KEY", settings.llm_api_key),
        request_timeout=settings.llm_request_timeout,
        parse_max_retries=settings.llm_parse_max_retries,
        max_concurrency=settings.llm_concurrency,
    )


def _secret(name: str, value: SecretStr | None) -> str:
    """Hand a secret on by its variable's name: Dagster's pages show the values of resources, but not of variables."""
    if value is None:
        return ""
    os.environ[name] = value.get_secret_value()
    return EnvVar(name)
