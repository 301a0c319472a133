"""dagster-aws's S3 connection with timeouts and role assumption; a module of its own, because its import is slow."""

import logging
from typing import Any, cast

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
from botocore.exceptions import NoCredentialsError, PartialCredentialsError
from dagster_aws.s3 import S3Resource

# A role's credentials are valid for 3600 s and renewed when less than this is left: the minimum validity of a URL.
ROLE_SECONDS_LEFT = 2400


class S3Connection(S3Resource):
    """dagster-aws's S3 connection with timeouts in seconds, a bounded pool, and a role to assume."""

    role_arn: str | None = None
    sts_endpoint_url: str | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    max_connections: int = 16

    def get_client(self) -> Any:
        """Return a new client, which threads may share but not forked processes; raises boto3's errors."""
        # The debug logs of these libraries contain signatures, and the secrets of roles.
        for logger in map(logging.getLogger, ("botocore", "s3transfer")):
            logger.setLevel(max(logging.INFO, logger.level))
        session: Any = botocore.session.Session(profile=self.profile_name)
        if self.aws_access_key_id or self.aws_secret_access_key:
            if not (self.aws_access_key_id and self.aws_secret_access_key):
                raise PartialCredentialsError(provider="settings", cred_var="key")
            session.set_credentials(self.aws_access_key_id, self.aws_secret_access_key)
        if self.role_arn:
            session._credentials = self._assumed(session, self.role_arn)
        if session.get_credentials() is None:
            # The client would be reused without a key, even once there is one.
            raise NoCredentialsError
        return cast(Any, Session(botocore_session=session)).client(
            "s3",
            region_name=self.region_name,
            endpoint_url=self.endpoint_url,
            use_ssl=self.use_ssl,
            verify=self.verify,
            config=self._config(),
        )

    def _config(self) -> Config:
        return Config(
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            max_pool_connections=self.max_connections,
            retries={"mode": "standard", "total_max_attempts": self.max_attempts},
            signature_version="s3v4",
            s3={"addressing_style": "path" if self.endpoint_url else "auto"},
            # Not every store supports AWS's checksums; ours is the SHA-256 in the object's metadata.
            request_checksum_calculation="when_required" if self.endpoint_url else "when_supported",
            response_checksum_validation="when_required",
        )

    def _assumed(self, session: Any, role_arn: str) -> RefreshableCredentials:
        """Return the role's credentials, which are renewed before they expire."""
        own = session.get_credentials()
        if own is None:
            raise NoCredentialsError

        def sts(service: str, **keys: Any) -> Any:
            return session.create_client(
                service,
                region_name=self.region_name,
                endpoint_url=self.sts_endpoint_url or self.endpoint_url,
                use_ssl=self.use_ssl,
                verify=self.verify,
                config=cast(Any, self._config()).merge(Config(signature_version="v4")),
                **keys,
            )

        fetcher: Any = AssumeRoleCredentialFetcher(sts, own, role_arn, extra_args={"RoleSessionName": "reflector"})
        return cast(Any, RefreshableCredentials).create_from_metadata(
            metadata=fetcher.fetch_credentials(),
            refresh_using=fetcher.fetch_credentials,
            method="assume-role",
            advisory_timeout=ROLE_SECONDS_LEFT,
            mandatory_timeout=ROLE_SECONDS_LEFT,
        )
