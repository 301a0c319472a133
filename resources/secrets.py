"""Secrets in the configuration of resources."""

from dagster import EnvVar


def secret_value(value: str) -> str:
    """Return a secret's value, also where it is named by an EnvVar and no run has resolved it."""
    return (value.get_value() or "") if isinstance(value, EnvVar) else value
