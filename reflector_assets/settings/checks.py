"""Checks of settings: one line per problem, with the setting's name, what it expects and an example."""

import difflib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from domain.errors import PermanentError
from domain.problems import plain

OURS = "REFLECTOR_"
# Read elsewhere than in `Settings`.
OTHERS = {"REFLECTOR_ENV_FILE"}
# Names below this similarity aren't taken for misspelt settings.
SIMILARITY = 0.75
# Variables that Kubernetes sets in every pod for a Service whose name begins with `reflector-`.
KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT_\d+_(TCP|UDP|SCTP))(_|$)|_PORT$")


# Settings that the old system has with another meaning, and both meanings: there, here.
OTHER_MEANINGS = {
    "DATABASE_URL": ("its own database", "the database of this system, whose tables are made in it"),
    "UI_BASE_URL": ("the URL of its pages", "the URL of this system's pages, in messages and webhooks"),
    "PUBLIC_MODE": (
        "its list is open, but a room's transcript needs an account",
        "everything is open to anyone who reaches the service",
    ),
    "PUBLIC_DATA_RETENTION_DAYS": (
        "the age at which transcripts without an owner are deleted, in PUBLIC_MODE only",
        "the age at which every recording's audio is deleted",
    ),
}


# The settings that a setting needs.
NEEDED_BY: dict[str, tuple[str, ...]] = {
    "REFLECTOR_OIDC_ISSUER": ("REFLECTOR_OIDC_CLIENT_ID", "REFLECTOR_OIDC_CLIENT_SECRET", "REFLECTOR_PEOPLE"),
    "AUTH_JWT_PUBLIC_KEY": ("AUTH_JWT_AUDIENCE", "REFLECTOR_PEOPLE"),
    "ZULIP_REALM": ("ZULIP_BOT_EMAIL", "ZULIP_API_KEY"),
}


class WrongSettings(PermanentError):
    """Invalid settings; `problems` lists all problems, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def __str__(self) -> str:
        """Return one line per problem."""
        return "\n".join(self.problems)


def from_json(value: object) -> object:
    """Return the content of a setting that is JSON; raise ValueError, which pydantic reports, if it isn't."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"it must be JSON: {error}") from None


def wrong_values(error: ValidationError, fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Return pydantic's findings by setting, without values, which can be secrets."""
    known = {field.alias: field for field in fields.values()}
    wrong: dict[str, str] = {}
    for details in error.errors(include_input=False, include_url=False):
        name, *inside = map(str, details["loc"])
        message = plain(str(details["msg"]))
        where = f"{'.'.join(inside)}: " if inside else ""
        wrong.setdefault(name, f"{name}: {where}{message}{_example(known.get(name))}")
    return wrong


def wrong_combinations(settings: BaseSettings) -> Iterator[tuple[set[str], str]]:
    """Yield each problem of settings that need each other, with the names of the settings involved."""
    fields = {str(field.alias): field for field in type(settings).model_fields.values()}
    values = {str(field.alias): getattr(settings, name) for name, field in type(settings).model_fields.items()}

    def needs(name: str, value: str, needed: str) -> Iterator[tuple[set[str], str]]:
        if values[name] == value and values[needed] is None:
            yield {name, needed}, f"{needed} is missing: {name}={value} needs it{_example(fields[needed])}"

    yield from needs("TRANSCRIPT_BACKEND", "modal", "TRANSCRIPT_URL")
    yield from needs("TRANSCRIPT_BACKEND", "openai", "TRANSCRIPT_URL")
    yield from needs("TRANSCRIPT_STORAGE_BACKEND", "aws", "TRANSCRIPT_STORAGE_AWS_BUCKET_NAME")
    yield from needs("REFLECTOR_EXECUTOR", "celery", "REFLECTOR_CELERY_BROKER")
    yield from needs("REFLECTOR_MODE", "shadow", "REFLECTOR_OLD_URL")
    if values["REFLECTOR_FALLBACK"] and values["REFLECTOR_OLD_URL"] is None:
        yield {"REFLECTOR_FALLBACK", "REFLECTOR_OLD_URL"}, "REFLECTOR_OLD_URL is missing: REFLECTOR_FALLBACK needs it"
    fields_set = {str(type(settings).model_fields[name].alias) for name in settings.model_fields_set}
    yield from _other_meanings(values, fields_set)
    for given, others in NEEDED_BY.items():
        for name in others:
            if values[given] is not None and not values[name]:
                yield {given, name}, f"{name} is missing: {given} is set{_example(fields[name])}"
    for prefix in ("TRANSCRIPT_STORAGE_AWS", "DAILYCO_STORAGE_AWS"):
        pair = f"{prefix}_ACCESS_KEY_ID", f"{prefix}_SECRET_ACCESS_KEY"
        missing = [name for name in pair if values[name] is None]
        if len(missing) == 1:
            given = next(name for name in pair if name not in missing)
            yield set(pair), f"{missing[0]} is missing: {given} is set, and a key has both parts"


def _other_meanings(values: Mapping[str, Any], given: set[str]) -> Iterator[tuple[set[str], str]]:
    """Yield the settings that may be copied from the old system, where they mean something else."""
    confirmed = {part.strip() for part in (values["REFLECTOR_CONFIRMED_SETTINGS"] or "").split(",")}
    if values["REFLECTOR_OLD_URL"] is None:
        return
    for name, (there, here) in OTHER_MEANINGS.items():
        if name in given - confirmed:
            yield (
                {name, "REFLECTOR_OLD_URL", "REFLECTOR_CONFIRMED_SETTINGS"},
                f"{name} means {here}; in the old system, {there}. If its value is meant for this system, name it in "
                f"REFLECTOR_CONFIRMED_SETTINGS; otherwise unset it",
            )


def unknown(names: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield each name with our prefix that isn't a known setting, with the most similar known one, if any."""
    ours = {name.removeprefix(OURS) for name in (*known, *OTHERS) if name.startswith(OURS)}
    for name in sorted({name.upper() for name in names if name.upper().startswith(OURS)}):
        rest = name.removeprefix(OURS)
        if rest not in ours and not KUBERNETES.search(name):
            near = difflib.get_close_matches(rest, ours, 1, SIMILARITY)
            yield name, OURS + near[0] if near else None


def given_names(env_file: Any) -> set[str]:
    """Return the names of all non-empty variables of the environment and the `.env` file."""
    in_file = dotenv_values(env_file) if env_file and Path(env_file).is_file() else {}
    return {name for name, value in (*in_file.items(), *os.environ.items()) if value}


def _example(field: FieldInfo | None) -> str:
    """Return a valid value as an example to copy."""
    if field is None:
        return ""
    example = field.examples[0] if field.examples else field.default
    return "" if example is None else f", for example {field.alias}={example}"
