"""Settings of what leaves: the mode, the old system, Zulip, what outgoing requests may reach, and retention."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from reflector_assets.settings.services import HttpUrl


def _realm(value: str) -> str:
    """A host name is enough, as the old system has it."""
    url = value if "://" in value else f"https://{value}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it is neither a host name nor an http or https URL")
    return url.rstrip("/")


def _networks(value: str) -> str:
    for part in value.split(","):
        ipaddress.ip_network(part.strip(), strict=False)
    return value


Realm = Annotated[str, AfterValidator(_realm)]
Networks = Annotated[str, NoDecode, AfterValidator(_networks)]


class DeliverySettings(BaseSettings):
    """The part of `Settings` about results that leave, and about audio that doesn't stay."""

    mode: Literal["off", "shadow", "live"] = Field(
        "live",
        alias="REFLECTOR_MODE",
        description="`live`: this system alone. `shadow`: everything is computed and nothing leaves; results are "
        "compared with the old system's. `off`: recordings are only noted.",
    )
    old_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_OLD_URL",
        description="Base URL of the old system: Daily's webhooks are relayed to it in `off` and `shadow`, and its "
        "transcripts are fetched for comparison in `shadow`.",
        examples=["https://old.example.com"],
    )
    old_token: SecretStr | None = Field(
        None, alias="REFLECTOR_OLD_TOKEN", description="Bearer token of the old system's API, where it needs one."
    )
    fallback: bool = Field(
        False,
        alias="REFLECTOR_FALLBACK",
        description="In `live`, relay a recording's webhook to the old system, once, when its run fails for good.",
    )
    page_url: HttpUrl = Field(
        "http://127.0.0.1:1250",
        alias="UI_BASE_URL",
        description="Where users reach the transcript pages; used in messages and webhooks.",
    )
    dagster_url: HttpUrl = Field(
        "http://127.0.0.1:3000",
        alias="REFLECTOR_DAGSTER_URL",
        description="Where operators reach Dagster's pages; used in links to runs.",
    )
    zulip_realm: Realm | None = Field(
        None,
        alias="ZULIP_REALM",
        description="Host name or URL of the Zulip server; without it nothing is posted.",
        examples=["example.zulipchat.com"],
    )
    zulip_bot_email: str | None = Field(
        None, alias="ZULIP_BOT_EMAIL", description="E-mail address of the bot that posts.", examples=["bot@example.com"]
    )
    zulip_api_key: SecretStr | None = Field(None, alias="ZULIP_API_KEY", description="API key of that bot.")
    zulip_dag_stream: str | None = Field(
        None,
        alias="ZULIP_DAG_STREAM",
        description="Stream in which operators are told of failed runs; without it they aren't.",
        examples=["operations"],
    )
    zulip_dag_topic: str = Field(
        "Reflector", alias="ZULIP_DAG_TOPIC", description="Topic in that stream.", min_length=1, max_length=60
    )
    allow_http: bool = Field(
        False,
        alias="REFLECTOR_ALLOW_HTTP",
        description="Rooms' webhooks may go to http URLs, not to https ones only.",
    )
    allowed_networks: Networks | None = Field(
        None,
        alias="REFLECTOR_ALLOWED_NETWORKS",
        description="Private networks that rooms' webhooks may reach all the same, with commas between.",
        examples=["10.1.0.0/16,127.0.0.0/8"],
    )
    retention_days: int | None = Field(
        None,
        alias="PUBLIC_DATA_RETENTION_DAYS",
        description="Days after which a recording's audio is deleted, its text stays; without it never.",
        examples=["90"],
        ge=1,
    )
    retire_days: int | None = Field(
        None,
        alias="REFLECTOR_RETIRE_DAYS",
        description="Days after which a finished recording leaves Dagster's partitions, its files stay; without it "
        "never.",
        examples=["365"],
        ge=1,
    )
