"""How secrets of the settings reach resources."""

import os

from dagster import EnvVar
from pydantic import SecretStr


def pass_secret(name: str, value: SecretStr | None) -> str:
    """Pass a secret by its variable's name: Dagster's pages show the values of resources, but not of variables."""
    if value is None:
        return ""
    os.environ[name] = value.get_secret_value()
    return EnvVar(name)
