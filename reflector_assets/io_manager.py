"""Stores asset values, one file per recording and asset: models as JSON, tables as Parquet."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args, get_origin

from dagster import ConfigurableIOManager, DataVersion, InputContext, OutputContext, PathMetadataValue
from pydantic import BaseModel, ValidationError

from domain.corrections.gathered import Corrections
from domain.errors import NotFound, PermanentError, ReflectorError, TransientError
from domain.recording import folder, value_key
from domain.text import words
from domain.text.table import Table
from reflector_assets.failure import Failed, refuse_impossible
from resources import usage
from resources.store.base import Store


def data_version(value: BaseModel | Table) -> DataVersion:
    """Return a hash of a value's content: a re-run with equal content makes nothing downstream stale.

    That of corrections has parts, of which each asset reads only some.
    """
    if isinstance(value, Corrections):
        return DataVersion(value.version())
    content = words.to_parquet(value) if isinstance(value, Table) else value.model_dump_json().encode()
    return DataVersion(hashlib.sha256(content).hexdigest()[:16])


class StoreIOManager(ConfigurableIOManager):
    """Writes values atomically to the store and reads them as their annotated type."""

    store: Store

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        if isinstance(obj, Table):
            content = words.to_parquet(obj)
        elif isinstance(obj, BaseModel):
            content = obj.model_dump_json(indent=1).encode()
        else:
            raise TypeError(f"{context.name}: an asset returns a model or a table, not {type(obj).__name__}")
        with as_failure(context.partition_key):
            stored = self.store.write(_key(context, context.partition_key), content)
        # The step's traffic: its inputs were read before its body, its value is written after it.
        traffic = usage.take()
        if context.has_asset_key:
            traffic = {name: traffic[name] + _of_tracks(context, name) for name in ("bytes_read", "bytes_written")}
            metadata: dict[str, Any] = {
                "stored_as": stored.key,
                "file": PathMetadataValue(self.store.location(stored.key)),
                "stored_bytes": stored.bytes,
                **traffic,
            }
            context.add_output_metadata(metadata)  # pyright: ignore[reportUnknownMemberType] - incomplete in Dagster

    def load_input(self, context: InputContext) -> Any:
        upstream = context.upstream_output
        assert upstream is not None
        key = _key(upstream, context.partition_key)
        # The inputs of a fan-in are loaded one by one, and annotated as the whole list.
        annotated = context.dagster_type.typing_type
        expected = get_args(annotated)[0] if get_origin(annotated) is list else annotated
        with as_failure(context.partition_key):
            try:
                content = self.store.read(key)
            except NotFound as error:
                if expected is Corrections:
                    # A recording without corrections has no file of them.
                    return Corrections()
                name = upstream.asset_key.to_user_string() if upstream.has_asset_key else upstream.step_key
                raise NotFound(
                    f"{name} was never made, or its file {key} was removed",
                    hint=f"Make it first: `reflector run {context.partition_key} --select {name}`.",
                ) from error
            if not issubclass(expected, BaseModel):
                return words.from_parquet(content)
            try:
                return expected.model_validate_json(content)
            except ValidationError as error:
                raise PermanentError(
                    f"{key} doesn't have the expected content: {error.errors(include_input=False)[0]['msg']}",
                    hint="Run the asset that makes it again.",
                ) from error


@contextmanager
def as_failure(recording_id: str) -> Iterator[None]:
    """Raise errors outside of a step's body as Failed, with the plain reason and whether to try again."""
    refuse_impossible(recording_id)
    try:
        yield
    except ReflectorError as error:
        error.at(recording=recording_id)
        raise Failed(
            str(error), metadata={"kind": type(error).__name__}, allow_retries=isinstance(error, TransientError)
        ) from error


def _of_tracks(context: OutputContext, name: str) -> int:
    """Return an amount summed over the tracks of a fan-out, from the metadata of its last step."""
    amount = context.output_metadata.get(f"tracks_{name}", 0)
    return int(getattr(amount, "value", amount))


def _key(output: OutputContext, recording_id: str) -> str:
    """Return the key of an output; values between the steps of a graph asset are stored by run and step."""
    if output.has_asset_key:
        return value_key(output.asset_key.to_user_string(), recording_id)
    return f"{folder(recording_id)}/steps/{'/'.join(output.get_identifier())}.json"
