"""What is wrong with settings, each problem in one line with the setting, what it expects and an example."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from domain.errors import PermanentError

if TYPE_CHECKING:
    from reflector_assets.settings.main import Settings

OURS = "REFLECTOR_"
# Read by others than `Settings`.
OTHERS = {"REFLECTOR_ENV_FILE"}
# Below this likeness a name is taken for somebody else's.
LIKE = 0.75
# What Kubernetes tells every pod of a Service that is called reflector-something.
OF_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT|PORT_\d+_(TCP|UDP|SCTP))(_|$)|_PORT$")
# What pydantic says, as it reads after the name of a setting.
WORDINGS = (("Value error, ", ""), ("Input should be", "it must be"), ("String should match", "it must match"))


class WrongSettings(PermanentError):
    """Settings that can't be worked with; `problems` are all of them, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))

    def __str__(self) -> str:
        """One line per problem."""
        return "\n".join(self.problems)


def wrong_values(error: ValidationError, fields: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Tell what pydantic found, by setting; no value is shown, as it can be a secret."""
    known = {field.alias: field for field in fields.values()}
    wrong: dict[str, str] = {}
    for found in error.errors(include_input=False, include_url=False):
        name, *inside = map(str, found["loc"])
        what = str(found["msg"])
        for theirs, ours in WORDINGS:
            what = what.replace(theirs, ours, 1)
        where = f"{'.'.join(inside)}: " if inside else ""
        wrong.setdefault(name, f"{name}: {where}{what}{_example(known.get(name))}")
    return wrong


def wrong_combinations(settings: "Settings") -> Iterator[tuple[set[str], str]]:
    """Yield what is missing beside other settings, with the names that the problem hangs on."""
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
    for name in ("ZULIP_BOT_EMAIL", "ZULIP_API_KEY"):
        if values["ZULIP_REALM"] is not None and values[name] is None:
            yield {"ZULIP_REALM", name}, f"{name} is missing: ZULIP_REALM is set{_example(fields[name])}"
    for prefix in ("TRANSCRIPT_STORAGE_AWS", "DAILYCO_STORAGE_AWS"):
        pair = f"{prefix}_ACCESS_KEY_ID", f"{prefix}_SECRET_ACCESS_KEY"
        missing = [name for name in pair if values[name] is None]
        if len(missing) == 1:
            given = next(name for name in pair if name not in missing)
            yield set(pair), f"{missing[0]} is missing: {given} is set, and a key has both parts"


def unknown(names: Iterable[str], known: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    """Yield each name that begins like ours and is none of them, with the one that it nearly is."""
    ours = {name.removeprefix(OURS) for name in (*known, *OTHERS) if name.startswith(OURS)}
    for name in sorted({name.upper() for name in names if name.upper().startswith(OURS)}):
        rest = name.removeprefix(OURS)
        if rest not in ours and not OF_KUBERNETES.search(name):
            near = difflib.get_close_matches(rest, ours, 1, LIKE)
            yield name, OURS + near[0] if near else None


def given_names(env_file: Any) -> set[str]:
    """The names that are set to something, in the environment or in the `.env` file."""
    in_file = dotenv_values(env_file) if env_file and Path(env_file).is_file() else {}
    return {name for name, value in (*in_file.items(), *os.environ.items()) if value}


def _example(field: FieldInfo | None) -> str:
    """A value that would do, to be copied."""
    if field is None:
        return ""
    example = field.examples[0] if field.examples else field.default
    return "" if example is None else f", for example {field.alias}={example}"
