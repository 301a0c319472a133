"""Whether Dagster's instance and the store of results belong together: the instance has the store's id.

With another data folder or another instance, Dagster's history says that files were made which aren't there.
"""

import uuid
from itertools import islice

import dagster as dg
from pydantic import BaseModel, ValidationError

from domain.errors import NotFound, PermanentError
from reflector_assets.partitions import RECORDINGS
from resources.store.base import Store

KEY = "results.json"
# A set of partitions that no asset has: the ids of the results that an instance belongs to.
RESULTS = "results"
HINT = "Check REFLECTOR_DATA_DIR, TRANSCRIPT_STORAGE_* and DAGSTER_HOME; if it is meant: `reflector doctor --link`."
# Keys that are searched for a transcript.
SEARCHED = 1000


class Identity(BaseModel):
    """The id of a store of results."""

    id: str


def mismatch(instance: dg.DagsterInstance, store: Store) -> str | None:
    """Return why instance and results don't belong together; None if they do, or if either is new.

    Those of earlier versions have no id: results are of another instance if this one knows no recording.
    """
    own, known = _identity(store), instance.get_dynamic_partitions(RESULTS)
    if own in known or (own is None and not known and (_has_recordings(instance) or not _has_results(store))):
        return None
    place = store.location(KEY).removesuffix(KEY).rstrip("/")
    if own is None and known:
        return f"Dagster's instance belongs to other results than those in {place}"
    return f"the results in {place} were made with another instance of Dagster"


def link_new(instance: dg.DagsterInstance, store: Store) -> str | None:
    """Link an instance and results that are new; return why not, and what to do, if they don't belong together."""
    if reason := mismatch(instance, store):
        return f"{reason}. {HINT}"
    link(instance, store)
    return None


def link(instance: dg.DagsterInstance, store: Store) -> None:
    """Declare that an instance belongs to these results."""
    if _identity(store) is None:
        store.write(KEY, Identity(id=str(uuid.uuid4())).model_dump_json().encode())
    # Read again: another process may have written another one at the same time.
    if (own := _identity(store)) and own not in instance.get_dynamic_partitions(RESULTS):
        instance.add_dynamic_partitions(RESULTS, [own])


def _identity(store: Store) -> str | None:
    try:
        return Identity.model_validate_json(store.read(KEY)).id
    except NotFound:
        return None
    except ValidationError as error:
        raise PermanentError(f"{store.location(KEY)} can't be read", hint="Delete it; a new one is written.") from error


def _has_recordings(instance: dg.DagsterInstance) -> bool:
    return bool(instance.get_paginated_dynamic_partitions(RECORDINGS, limit=1, ascending=True).results)


def _has_results(store: Store) -> bool:
    return any(key.endswith("/transcript.json") for key in islice(store.list_keys("recordings"), SEARCHED))
