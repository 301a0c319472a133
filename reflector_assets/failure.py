"""The error that ends a step, as Dagster's pages show it."""

from dagster import Failure

from domain.errors import InvalidInput
from domain.recording import check_recording_id


class Failed(Failure):
    """A step's failure with a plain reason.

    Dagster's pages begin with an error's module and class. Without a module, the reason is what a reader sees first.
    """


Failed.__module__ = "builtins"


def refuse_impossible(recording_id: str) -> None:
    """Raise Failed if a partition, which anyone can add on Dagster's pages, can't be a recording."""
    try:
        check_recording_id(recording_id)
    except InvalidInput as error:
        reason = f"{error} Delete this partition on Dagster's page of the asset `recording`."
        raise Failed(reason, metadata={"kind": type(error).__name__}, allow_retries=False) from error
