"""What was made of one recording so far, read from the store; every call blocks."""

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import NotFound, PermanentError
from domain.recording import ID_PATTERN, folder
from resources.store.base import Store

M = TypeVar("M", bound=BaseModel)


class Values:
    """The stored results of one recording; raises NotFound at once for what can't be an id."""

    def __init__(self, store: Store, recording_id: str) -> None:
        if not ID_PATTERN.fullmatch(recording_id):
            raise NotFound(f"there is no recording {recording_id[:100]!r}")
        self.store, self.id = store, recording_id

    def key(self, name: str) -> str:
        """The key of one of its files."""
        return f"{folder(self.id)}/{name}"

    def content(self, name: str) -> bytes:
        """Return a file's bytes; raises NotFound when it isn't made."""
        try:
            return self.store.read(self.key(name))
        except NotFound as error:
            raise NotFound(f"there is no {name} of this recording yet", recording=self.id) from error

    def model(self, name: str, kind: type[M]) -> M:
        """Read a file as a model; raises NotFound, and PermanentError for what is something else."""
        return self.parse(self.content(name), name, kind)

    def found(self, name: str, kind: type[M]) -> M | None:
        """Read a file as a model, None when it isn't made; raises PermanentError for what is something else."""
        try:
            return self.model(name, kind)
        except NotFound:
            return None

    def parse(self, content: bytes, name: str, kind: type[M]) -> M:
        """Read bytes as a model; raises PermanentError."""
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            raise PermanentError(
                f"{name} doesn't hold what is expected: {error.errors(include_input=False)[0]['msg']}",
                recording=self.id,
                hint="Run the recording again.",
            ) from error


def etag(*contents: bytes) -> str:
    """An entity tag for what is made of these bytes and nothing else."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return f'"{digest.hexdigest()[:32]}"'
