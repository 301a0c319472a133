"""Settings of outgoing results: mode, old system, Zulip, allowed targets of outgoing requests; and of retention."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from reflector_assets.settings.checks import OTHER_MEANINGS
from reflector_assets.settings.services import HttpUrl


def _realm(value: str) -> str:
    """Return a realm's URL; a plain host name, as in the old system's settings, is accepted."""
    url = value if "://" in value else f"https://{value}"
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("it must be a host name or an http or https URL")
    return url.rstrip("/")


def _networks(value: str) -> str:
    for part in value.split(","):
        ipaddress.ip_network(part.strip(), strict=False)
    return value


def _names(value: str) -> str:
    names = {part.strip() for part in value.split(",")}
    if unknown := sorted(names - set(OTHER_MEANINGS)):
        raise ValueError(f"{', '.join(unknown)}: it must be of {', '.join(OTHER_MEANINGS)}")
    return value


Realm = Annotated[str, AfterValidator(_realm)]
Networks = Annotated[str, NoDecode, AfterValidator(_networks)]
Names = Annotated[str, NoDecode, AfterValidator(_names)]


class DeliverySettings(BaseSettings):
    """The part of `Settings` about outgoing results and retention."""

    mode: Literal["off", "shadow", "live"] = Field(
        "live",
        alias="REFLECTOR_MODE",
        description="`live`: this system is in production. `shadow`: results are computed and compared with the old "
        "system's, but nothing is sent out. `off`: recordings are registered, but not processed.",
    )
    old_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_OLD_URL",
        description="Base URL of the old system. In `off` and `shadow`, Daily's webhooks are relayed to it; in "
        "`shadow`, its transcripts are fetched for comparison.",
        examples=["https://old.example.com"],
    )
    old_api_key: SecretStr | None = Field(
        None,
        alias="REFLECTOR_OLD_API_KEY",
        description="Lasting key for the old system's API, of the owner of the compared rooms; sent as `X-API-Key`.",
    )
    old_token: SecretStr | None = Field(
        None,
        alias="REFLECTOR_OLD_TOKEN",
        description="JWT for the old system's API, used if there is no REFLECTOR_OLD_API_KEY; it ends after a day.",
    )
    old_database_url: SecretStr | None = Field(
        None,
        alias="REFLECTOR_OLD_DATABASE_URL",
        description="The old system's database (its DATABASE_URL), which is only read: the transcripts of all "
        "owners are found, and consent that its dialog took counts here too.",
        examples=["postgresql://reader:password@host:5432/reflector"],
    )
    old_pages_url: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_OLD_PAGES_URL",
        description="Base URL of the old system's pages (its UI_BASE_URL), used in links; if unset, REFLECTOR_OLD_URL.",
        examples=["https://old.example.com"],
    )
    confirmed: Names | None = Field(
        None,
        alias="REFLECTOR_CONFIRMED_SETTINGS",
        description="Names, separated by commas, of settings that the old system has with another meaning and whose "
        "values are meant for this one. While REFLECTOR_OLD_URL is set, others of them are refused.",
        examples=["DATABASE_URL,UI_BASE_URL"],
    )
    fallback: bool = Field(
        False,
        alias="REFLECTOR_FALLBACK",
        description="In `live`, relay a recording's webhook to the old system, once, when its run fails for good.",
    )
    webhook_format: Literal["standard", "reflector"] = Field(
        "standard",
        alias="REFLECTOR_WEBHOOK_FORMAT",
        description="Units and ids in rooms' webhooks: `standard`, or `reflector` as the old system sent them.",
    )
    page_url: HttpUrl = Field(
        "http://127.0.0.1:1250",
        alias="UI_BASE_URL",
        description="Public URL of the transcript pages; used in messages and webhooks.",
    )
    dagster_url: HttpUrl = Field(
        "http://127.0.0.1:3000",
        alias="REFLECTOR_DAGSTER_URL",
        description="URL of Dagster's web interface; used in links to runs.",
    )
    zulip_realm: Realm | None = Field(
        None,
        alias="ZULIP_REALM",
        description="Host name or URL of the Zulip server; if unset, nothing is posted.",
        examples=["example.zulipchat.com"],
    )
    zulip_bot_email: str | None = Field(
        None, alias="ZULIP_BOT_EMAIL", description="E-mail address of the bot that posts.", examples=["bot@example.com"]
    )
    zulip_api_key: SecretStr | None = Field(None, alias="ZULIP_API_KEY", description="API key of the bot.")
    zulip_dag_stream: str | None = Field(
        None,
        alias="ZULIP_DAG_STREAM",
        description="Stream for messages about failed runs; if unset, none are posted.",
        examples=["operations"],
    )
    zulip_dag_topic: str = Field(
        "Reflector",
        alias="ZULIP_DAG_TOPIC",
        description="Topic for messages about failed runs.",
        min_length=1,
        max_length=60,
    )
    allow_http: bool = Field(
        False,
        alias="REFLECTOR_ALLOW_HTTP",
        description="Allow http as well as https URLs for rooms' webhooks, and for tracks that `reflector transcriber "
        "serve` downloads.",
    )
    allowed_networks: Networks | None = Field(
        None,
        alias="REFLECTOR_ALLOWED_NETWORKS",
        description="Private networks that rooms' webhooks, and downloads of `reflector transcriber serve`, may reach, "
        "separated by commas.",
        examples=["10.1.0.0/16,127.0.0.0/8"],
    )
    retention_days: int | None = Field(
        None,
        alias="PUBLIC_DATA_RETENTION_DAYS",
        description="Days after which a recording's audio is deleted (its text stays); if unset, never.",
        examples=["90"],
        ge=1,
    )
    retire_days: int | None = Field(
        None,
        alias="REFLECTOR_RETIRE_DAYS",
        description="Days after which a finished recording leaves Dagster: its files stay, and its events are archived "
        "beside them; if unset, never.",
        examples=["365"],
        ge=1,
    )
