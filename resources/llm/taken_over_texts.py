"""Texts that a recording was taken over with: they count like a model's answers, which aren't asked for again."""

from collections.abc import Sequence
from typing import TypeVar

from dagster import ResourceDependency
from pydantic import BaseModel

from domain.errors import NotFound
from domain.recording import folder
from domain.results import ActionItems, Summary, Title, Topics
from domain.text.table import Table
from domain.text.topics import Chunk
from resources.llm.understanding import Understanding, Usage
from resources.store.base import Store

M = TypeVar("M", bound=BaseModel)


def text_key(recording_id: str, asset: str) -> str:
    """Return the store's key of the text with which a recording was taken over."""
    return f"{folder(recording_id)}/source/{asset}.json"


class TakenOverTexts(Understanding):
    """Returns the texts that recordings were taken over with, and asks `inner` for all others.

    With `replace`, they are deleted and made by `inner`.
    """

    inner: ResourceDependency[Understanding]
    store: ResourceDependency[Store]
    replace: bool = False

    def refreshed(self) -> Understanding:
        return TakenOverTexts(inner=self.inner.refreshed(), store=self.store, replace=True)

    def identity(self, asset: str) -> str:
        return self.inner.identity(asset)

    def topics(
        self, words: Table, names: dict[int, str], *, recording: str, parts: Sequence[Chunk] | None = None
    ) -> tuple[Topics, Usage]:
        known = self._find(recording, "topics", Topics)
        return (known, Usage()) if known else self.inner.topics(words, names, recording=recording, parts=parts)

    def title(self, topics: Topics, *, recording: str) -> tuple[Title, Usage]:
        known = self._find(recording, "title", Title)
        return (known, Usage()) if known else self.inner.title(topics, recording=recording)

    def summary(self, words: Table, topics: Topics, names: dict[int, str], *, recording: str) -> tuple[Summary, Usage]:
        known = self._find(recording, "summary", Summary)
        return (known, Usage()) if known else self.inner.summary(words, topics, names, recording=recording)

    def action_items(self, words: Table, names: dict[int, str], *, recording: str) -> tuple[ActionItems, Usage]:
        known = self._find(recording, "action_items", ActionItems)
        return (known, Usage()) if known else self.inner.action_items(words, names, recording=recording)

    def _find(self, recording_id: str, asset: str, model: type[M]) -> M | None:
        key = text_key(recording_id, asset)
        try:
            known = model.model_validate_json(self.store.read(key))
        except NotFound:
            return None
        if self.replace:
            self.store.delete(key)
            return None
        return known
