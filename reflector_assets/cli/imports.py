"""Imports of what a command works with: it takes seconds to load, and `--help` needs none of it."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import LazyLoader
from types import ModuleType


class _Loader(SourceFileLoader):
    """Executes a module without collecting garbage: there is none, and looking for it takes a fifth of the time."""

    def exec_module(self, module: ModuleType) -> None:
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            super().exec_module(module)
        finally:
            if was_enabled:
                gc.freeze()
                gc.enable()


class _LazyFinder(PathFinder):
    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = super().find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = LazyLoader(_Loader(fullname, spec.origin))
        return spec


@contextmanager
def on_first_use() -> Iterator[None]:
    """Execute the modules that the block imports when an attribute of theirs is first used.

    It may import modules of our packages (`from package import module`), and whole packages of others (`import package
    as name`): importing a name of a module, or a module of a package that isn't empty, is such a use.
    """
    sys.meta_path.insert(0, _LazyFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(_LazyFinder)
