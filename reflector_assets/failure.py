"""The error that ends a step, as Dagster's pages show it."""

from dagster import Failure


class Failed(Failure):
    """A step's failure with a plain reason.

    Dagster's pages begin with an error's module and class. Without a module, the reason is what a reader sees first.
    """


Failed.__module__ = "builtins"
