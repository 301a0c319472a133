"""The type of the table of words, a pandas DataFrame; pandas takes half a second to load, and naming it doesn't."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame as Table
else:

    class _IsDataFrame(type):
        def __instancecheck__(cls, value: object) -> bool:
            return type(value).__name__ == "DataFrame" and type(value).__module__.split(".")[0] == "pandas"

    class Table(metaclass=_IsDataFrame):
        """A pandas DataFrame."""


__all__ = ["Table"]
