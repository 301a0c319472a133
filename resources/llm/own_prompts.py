"""A deployment's own prompts, in place of built-in ones."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from domain.errors import InvalidInput
from domain.summarize import llm_answers
from domain.summarize.prompts import Prompts


def read_prompts(path: Path) -> dict[str, str]:
    """Read a TOML file with custom prompts (`name = "text"`), for `WithLLM.prompts`; raises InvalidInput."""
    hint = f"Check the file of REFLECTOR_PROMPTS; prompts are {', '.join(Prompts.model_fields)}."
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"the prompts in {path.name} can't be read: {error}", hint=hint) from error
    return check_prompts(own, path.name).model_dump(include=set(own))


def check_prompts(own: object, source: str = "the configuration") -> Prompts:
    """Return the prompts with custom ones in place of built-in ones; raises InvalidInput for an invalid one."""
    try:
        return Prompts.model_validate(own)
    except ValidationError as error:
        raise InvalidInput(
            f"the prompts in {source} can't be used: {llm_answers.describe(error)}",
            hint=f"Prompts are {', '.join(Prompts.model_fields)}.",
        ) from error
