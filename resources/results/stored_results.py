"""The stored results of one recording; every call blocks."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from domain.errors import NotFound, PermanentError
from domain.recording import ID_PATTERN, folder
from resources.store.base import Store

M = TypeVar("M", bound=BaseModel)


class StoredResults:
    """Reads the files of a recording; raises NotFound if the id can't be one."""

    def __init__(self, store: Store, recording_id: str) -> None:
        if not ID_PATTERN.fullmatch(recording_id):
            raise NotFound(f"there is no recording {recording_id[:100]!r}")
        self.store, self.id = store, recording_id

    def key(self, name: str) -> str:
        """Return the key of a file."""
        return f"{folder(self.id)}/{name}"

    def read(self, name: str) -> bytes:
        """Return a file's bytes; raises NotFound if it doesn't exist yet."""
        try:
            return self.store.read(self.key(name))
        except NotFound as error:
            raise NotFound(f"there is no {name} of this recording yet", recording=self.id) from error

    def find(self, name: str, model: type[M]) -> M | None:
        """Read a file as a model, None if it doesn't exist yet; raises PermanentError if it doesn't fit the model."""
        try:
            return self.parse(self.read(name), name, model)
        except NotFound:
            return None

    def parse(self, content: bytes, name: str, model: type[M]) -> M:
        """Parse a file's bytes as a model; raises PermanentError."""
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise PermanentError(
                f"{name} doesn't have the expected content: {error.errors(include_input=False)[0]['msg']}",
                recording=self.id,
                hint="Run the recording again.",
            ) from error
