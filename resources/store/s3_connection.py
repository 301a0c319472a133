"""dagster-aws's connection to S3, with time limits and through a role; dagster-aws takes long to import."""

import logging
from typing import Any

import botocore.session
from boto3.session import Session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, RefreshableCredentials
from botocore.exceptions import NoCredentialsError, PartialCredentialsError
from dagster_aws.s3 import S3Resource

# A role's credentials live for 3600 s and are renewed when less is left: so long is a URL good at least.
ROLE_SECONDS_LEFT = 2400


class S3Connection(S3Resource):
    """dagster-aws's connection to S3 with time limits in seconds, a bounded pool, and a role to assume."""

    role_arn: str | None = None
    sts_endpoint_url: str | None = None
    connect_timeout: float = 10
    read_timeout: float = 60
    max_connections: int = 16

    def get_client(self) -> Any:
        """Make a client, which threads may share but not forked processes; raises boto3's errors."""
        # What they log for debugging holds signatures, and the secrets of roles.
        for logger in map(logging.getLogger, ("botocore", "s3transfer")):
            logger.setLevel(max(logging.INFO, logger.level))
        session = botocore.session.Session(profile=self.profile_name)
        if self.aws_access_key_id or self.aws_secret_access_key:
            if not (self.aws_access_key_id and self.aws_secret_access_key):
                raise PartialCredentialsError(provider="settings", cred_var="key")
            session.set_credentials(self.aws_access_key_id, self.aws_secret_access_key)
        if self.role_arn:
            session._credentials = self._assumed(session, self.role_arn)
        if session.get_credentials() is None:
            # Else the client would be kept, and stay without a key when there is one.
            raise NoCredentialsError
        return Session(botocore_session=session).client(
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
            # Not every store takes the checksums that AWS does; ours is the SHA-256 beside the object.
            request_checksum_calculation="when_required" if self.endpoint_url else "when_supported",
            response_checksum_validation="when_required",
        )

    def _assumed(self, session: botocore.session.Session, role_arn: str) -> RefreshableCredentials:
        """Assume the role, and again whenever its credentials come near their end."""
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
                config=self._config().merge(Config(signature_version="v4")),
                **keys,
            )

        fetcher = AssumeRoleCredentialFetcher(sts, own, role_arn, extra_args={"RoleSessionName": "reflector"})
        return RefreshableCredentials.create_from_metadata(
            metadata=fetcher.fetch_credentials(),
            refresh_using=fetcher.fetch_credentials,
            method="assume-role",
            advisory_timeout=ROLE_SECONDS_LEFT,
            mandatory_timeout=ROLE_SECONDS_LEFT,
        )
