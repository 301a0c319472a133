"""Settings of people's access: sign-in by OpenID Connect, the old system's bearer tokens, and who may do what."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from domain.access import Scope
from reflector_assets.settings.checks import from_json
from reflector_assets.settings.services import HttpUrl

People = Annotated[dict[str, Scope], NoDecode, BeforeValidator(from_json)]
# Asymmetric ones only: with a public key, a symmetric one would let everyone sign.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]


class PeopleSettings(BaseSettings):
    """The part of `Settings` about people's access."""

    people: People = Field(
        {},
        alias="REFLECTOR_PEOPLE",
        description="What people may do who sign in or send a JWT, as JSON: scopes (`read`, `write`, `operate`) by "
        "e-mail address, domain (`@example.com`) or subject (`sub:ID`); of several entries the most exact one counts. "
        "Others get no access.",
        examples=['{"@example.com": "read", "ann@example.com": "operate"}'],
    )
    oidc_issuer: HttpUrl | None = Field(
        None,
        alias="REFLECTOR_OIDC_ISSUER",
        description="Issuer of an OpenID Connect provider by which people sign in on the pages; its redirect URI is "
        "UI_BASE_URL with `/v1/login/callback`.",
        examples=["https://id.example.com"],
    )
    oidc_client_id: str | None = Field(
        None, alias="REFLECTOR_OIDC_CLIENT_ID", description="Client id there.", examples=["reflector"]
    )
    oidc_client_secret: SecretStr | None = Field(
        None, alias="REFLECTOR_OIDC_CLIENT_SECRET", description="Client secret there."
    )
    jwt_public_key: Path | None = Field(
        None,
        alias="AUTH_JWT_PUBLIC_KEY",
        description="PEM file with the public key of JWTs that are accepted as bearer tokens, as the old system does; "
        "they must have `sub`, `aud` and `exp`.",
        examples=["/etc/reflector/authentik_public.pem"],
    )
    jwt_algorithm: Algorithm = Field("RS256", alias="AUTH_JWT_ALGORITHM", description="Algorithm of their signatures.")
    jwt_audience: str | None = Field(
        None,
        alias="AUTH_JWT_AUDIENCE",
        description="Audience of these tokens, usually a client id.",
        examples=["reflector"],
    )

    @field_validator("people")
    @classmethod
    def _known_forms(cls, value: dict[str, Scope]) -> dict[str, Scope]:
        for who in value:
            if not who.startswith("sub:") and "@" not in who:
                raise ValueError(f"{who[:60]!r} is no e-mail address, no domain such as @example.com and no sub:ID")
        return value
