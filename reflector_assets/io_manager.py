"""Asset values in the store, one file per recording and asset, by type: models as JSON, tables as Parquet."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args, get_origin

import pandas as pd
from dagster import ConfigurableIOManager, DataVersion, Failure, InputContext, OutputContext
from pydantic import BaseModel, ValidationError

from domain.errors import NotFound, PermanentError, ReflectorError, TransientError
from domain.recording import folder
from domain.text import words
from resources import usage
from resources.store.base import Store

# The contract with other programs names this file; all others are named after their asset.
FILE_NAMES: Mapping[str, str] = {"merged_words": "words.parquet"}


def value_key(asset: str, recording_id: str) -> str:
    """Key of an asset's value."""
    return f"{folder(recording_id)}/{FILE_NAMES.get(asset, f'{asset}.json')}"


def data_version(value: BaseModel | pd.DataFrame) -> DataVersion:
    """Content hash of a value: equal content stops a re-run from spreading downstream."""
    content = words.to_parquet(value) if isinstance(value, pd.DataFrame) else value.model_dump_json().encode()
    return DataVersion(hashlib.sha256(content).hexdigest()[:16])


class StoreIOManager(ConfigurableIOManager):
    """Writes values atomically through the store and reads them back by their annotated type."""

    store: Store

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        if isinstance(obj, pd.DataFrame):
            content = words.to_parquet(obj)
        elif isinstance(obj, BaseModel):
            content = obj.model_dump_json(indent=1).encode()
        else:
            raise TypeError(f"{context.name}: an asset hands on a model or a table, not {type(obj).__name__}")
        with told(context.partition_key):
            stored = self.store.write(_key(context, context.partition_key), content)
        # Here the step ends: its inputs were loaded before its body, its value is written after it.
        moved = usage.take()
        if context.has_asset_key:
            moved = {name: moved[name] + _tracks(context, name) for name in ("bytes_read", "bytes_written")}
            context.add_output_metadata({"stored_as": stored.key, "stored_bytes": stored.bytes, **moved})

    def load_input(self, context: InputContext) -> Any:
        upstream = context.upstream_output
        assert upstream is not None
        key = _key(upstream, context.partition_key)
        # What a fan-in collects is loaded one by one, under the type of the whole list.
        annotated = context.dagster_type.typing_type
        expected = get_args(annotated)[0] if get_origin(annotated) is list else annotated
        with told(context.partition_key):
            try:
                content = self.store.read(key)
            except NotFound as error:
                name = upstream.asset_key.to_user_string() if upstream.has_asset_key else upstream.step_key
                raise NotFound(
                    f"{name} was never made, or its file {key} was removed",
                    hint=f"Make it first: `reflector run {context.partition_key} --select {name} --force`.",
                ) from error
            if not issubclass(expected, BaseModel):
                return words.from_parquet(content)
            try:
                return expected.model_validate_json(content)
            except ValidationError as error:
                raise PermanentError(
                    f"{key} doesn't hold what its readers expect: {error.errors(include_input=False)[0]['msg']}",
                    hint="Run the asset that makes it again.",
                ) from error


@contextmanager
def told(recording_id: str) -> Iterator[None]:
    """Tell Dagster the plain reason of what went wrong around a step's body, and whether to try again."""
    try:
        yield
    except ReflectorError as error:
        error.at(recording=recording_id)
        raise Failure(
            str(error), metadata={"kind": type(error).__name__}, allow_retries=isinstance(error, TransientError)
        ) from error


def _tracks(context: OutputContext, name: str) -> int:
    """What the tracks of a fan-out have moved, as its last step tells."""
    told = context.output_metadata.get(f"tracks_{name}", 0)
    return int(getattr(told, "value", told))


def _key(output: OutputContext, recording_id: str) -> str:
    """Key of an output; what steps of a graph asset hand to each other lies under its run and step."""
    if output.has_asset_key:
        return value_key(output.asset_key.to_user_string(), recording_id)
    return f"{folder(recording_id)}/steps/{'/'.join(output.get_identifier())}.json"
