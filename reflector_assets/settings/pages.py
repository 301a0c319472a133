"""Settings of the web pages and the HTTP API: access, and the prices from which costs are computed."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, NoDecode


def _origins(value: str) -> str:
    for part in value.split(","):
        parts = urlsplit(part.strip())
        if part.strip() != "*" and (not parts.scheme or not parts.hostname or parts.path.strip("/")):
            raise ValueError("it must be a list of origins such as https://app.example.com, separated by commas")
    return value


Origins = Annotated[str, NoDecode, AfterValidator(_origins)]


class PageSettings(BaseSettings):
    """The part of `Settings` about pages, their API, and costs."""

    public_mode: bool = Field(
        False,
        alias="PUBLIC_MODE",
        description="Let anyone who can reach the service read transcripts; otherwise reading needs the API token.",
    )
    cors_origin: Origins | None = Field(
        None,
        alias="CORS_ORIGIN",
        description="Origins of other web pages that may use the HTTP API, separated by commas; `*` allows all.",
        examples=["https://app.example.com"],
    )
    allowed_hosts: str | None = Field(
        None,
        alias="REFLECTOR_ALLOWED_HOSTS",
        description="Host names under which the service is reached, separated by commas; requests for others are "
        "refused, except to `/health`. If unset, any name is served.",
        examples=["reflector.example.com"],
    )
    listeners_per_client: int = Field(
        100,
        alias="REFLECTOR_LISTENERS_PER_CLIENT",
        description="Connections of one client address that receive live events at once; 0 means no limit. Behind a "
        "proxy whose `X-Forwarded-For` isn't trusted, all clients have the proxy's address.",
        ge=0,
    )
    currency: str = Field("USD", alias="REFLECTOR_CURRENCY", description="Currency of prices and costs.")
    price_gpu_hour: float = Field(
        0.0, alias="REFLECTOR_PRICE_GPU_HOUR", description="Price of one hour of the transcription service.", ge=0
    )
    price_cpu_hour: float = Field(
        0.0, alias="REFLECTOR_PRICE_CPU_HOUR", description="Price of one hour of one CPU core.", ge=0
    )
    price_prompt_tokens: float = Field(
        0.0, alias="REFLECTOR_PRICE_PROMPT_TOKENS", description="Price of one million prompt tokens of the LLM.", ge=0
    )
    price_completion_tokens: float = Field(
        0.0,
        alias="REFLECTOR_PRICE_COMPLETION_TOKENS",
        description="Price of one million completion tokens of the LLM.",
        ge=0,
    )

    @property
    def hosts(self) -> list[str]:
        """Return the host names in `allowed_hosts`."""
        return [part.strip() for part in (self.allowed_hosts or "").split(",") if part.strip()]

    @property
    def origins(self) -> list[str]:
        """Return the origins in `cors_origin`."""
        return [part.strip() for part in (self.cors_origin or "").split(",") if part.strip()]
